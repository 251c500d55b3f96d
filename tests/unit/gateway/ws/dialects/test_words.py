"""Reading what clients write never raises."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.fanout.dialect import Command, Problem
from gateway.ws.dialects.analytics import AnalyticsDialect
from gateway.ws.dialects.candles import CandlesDialect
from gateway.ws.dialects.prices import PricesDialect
from gateway.ws.dialects.quotes import QuotesDialect
from gateway.ws.dialects.words import encode, iso, shown

DIALECTS = (PricesDialect(), CandlesDialect(), QuotesDialect(), AnalyticsDialect())
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
WORDS = (
    "type",
    "action",
    "symbols",
    "symbol",
    "interval",
    "initialBars",
    "since",
    "channels",
    "watchlists",
    "timeframe",
    "timestamp",
)
SAID = st.sampled_from(("subscribe", "unsubscribe", "ping", "A", "1m"))
MESSAGE = st.dictionaries(st.sampled_from(WORDS), SAID | VALUE, max_size=6)


def answered(data: bytes) -> list[Command]:
    """Every dialect's commands; a problem must give an error message that can be sent."""
    found: list[Command] = []
    for dialect in DIALECTS:
        for command in dialect.parse(data):
            found.append(command)
            if isinstance(command, Problem):
                assert dialect.error(command, 0)
    return found


@given(MESSAGE)
def test_any_object_gives_commands_or_problems(message: dict[str, object]) -> None:

    answered(json.dumps(message).encode())


@given(st.binary(max_size=200))
def test_any_bytes_give_problems(data: bytes) -> None:
    answered(data)


def test_depth_and_surrogates_do_no_harm() -> None:
    assert all(isinstance(each, Problem) for each in answered(b"[" * 60_000))
    assert answered(b'{"type":"subscribe","symbols":' + b"[" * 30_000 + b"]" * 30_000 + b"}")
    assert answered(b'{"type":"\\ud800","action":"\\udfff"}')


def test_times_are_iso_with_milliseconds() -> None:
    assert iso(1_760_000_040_007) == "2025-10-09T08:54:00.007Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"


def test_what_is_shown_is_short() -> None:
    assert len(shown("x" * 1000)) == 64
    assert encode({"a": shown(["x"] * 1000)})


def test_what_is_nested_deeper_than_python_prints_is_a_problem_like_any_other() -> None:
    deep = b"[" * 995 + b"]" * 995
    for field in (b"symbols", b"symbol", b"type", b"action", b"channels"):
        assert answered(b'{"type":"subscribe","action":"subscribe","' + field + b'":' + deep + b"}")
