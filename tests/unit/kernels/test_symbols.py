"""The rule of a symbol: every code point, the edges, and that text, bytes, pattern and oracle say the same."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.symbols import SYMBOL_PATTERN, is_symbol, is_symbol_text
from oracle import records as oracle_records

VENDORS = (
    "AAPL", "BRK.B", "BTC/USDT:USDT", "O:MU240119C00080000", "btcusdt", "ES=F", "^SPX", "M&M", "$TRUMP", "币安人生USDT",
    "A+B", "EUR/USD", "BTC-PERP", "#1", "x@y", "~x", "it's", "(x)", "*", "A?B", "[x]", "A  240119C", "Ö", "%", "🚀",
)  # fmt: skip


def in_bytes(text: str) -> bool:
    data = np.frombuffer(b"|" + text.encode() + b"|", np.uint8)
    return bool(is_symbol_text(data, 1, len(data) - 1))


def answers(text: str) -> set[bool]:
    found = {is_symbol(text), re.search(SYMBOL_PATTERN, text) is not None, oracle_records.is_symbol(text)}
    return found | {in_bytes(text)}


@pytest.mark.parametrize("symbol", VENDORS)
def test_symbols_that_vendors_use(symbol: str) -> None:
    assert answers(symbol) == {True}
    assert answers(symbol * 64) == {len(symbol) == 1}


@pytest.mark.parametrize(
    "text",
    ["", " A", "A ", ".", "..", "A,B", "A|B", "{A}",
     'A"', "A\\B", "A\n", "A\0", "A\x85", "A\u200b", "A\u202eB", "A\u2028",
     "A\u00a0B", "\ufeffA", "A\U000e0041", "A" * 65, "币" * 65, "\ufdd0", "\U0010ffff"],
)  # fmt: skip
def test_what_is_no_symbol(text: str) -> None:
    assert answers(text) == {False}


def test_a_lone_surrogate_is_no_symbol() -> None:
    assert not is_symbol("A\ud800")
    assert not oracle_records.is_symbol("A\ud800")


@pytest.mark.compiled
def test_every_code_point_alike() -> None:
    for point in range(0x110000):
        if not 0xD800 <= point < 0xE000:
            assert len(answers(f"A{chr(point)}B")) == 1, hex(point)


@given(st.text(st.sampled_from('aA .,|{}"\\\n\u00e9\u5e01\u200b\U0001f680'), max_size=70))
def test_any_text_alike(text: str) -> None:
    assert len(answers(text)) == 1
