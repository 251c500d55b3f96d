"""What a client may see and join: only what its token lists."""

import pytest

from gateway.access.principal import Principal


@pytest.mark.parametrize(
    ("symbols", "symbol", "seen"),
    [
        ((), "AAPL", False),
        (("*",), "AAPL", True),
        (("AAPL",), "AAPL", True),
        (("AAPL",), "AAPL.N", False),
        (("BTC/*", "ETH*"), "BTC/USDT", True),
        (("BTC/*", "ETH*"), "XBTC/USDT", False),
        (("A[BC]",), "AB", True),
        (("A[BC]",), "A[BC]", True),
        (("A?",), "a1", False),
    ],
)
def test_symbols_are_names_or_globs(symbols: tuple[str, ...], symbol: str, seen: bool) -> None:
    assert Principal("u", symbols).may_see(symbol) is seen


def test_channels_are_those_that_are_named() -> None:
    assert Principal("u", channels=frozenset({"alerts"})).may_join("alerts")
    assert not Principal("u", ("*",)).may_join("alerts")
