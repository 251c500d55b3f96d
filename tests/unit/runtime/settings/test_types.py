"""Texts of settings: each form is taken as it is, and the rest says what is allowed."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from runtime.settings import types
from runtime.settings.types import Targets
from runtime.settings.whole import Settings

ADAPTER = TypeAdapter(Targets)
LIVE, SECOND = "live=http://127.0.0.1:9101/metrics", "live=https://flows.example:9102/metrics?x=1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ()),
        (LIVE, (LIVE,)),
        (f" {LIVE} , {SECOND}, ", (LIVE, SECOND)),
        ([LIVE, SECOND], (LIVE, SECOND)),
        ('{"live": "http://127.0.0.1:9101/metrics"}', (LIVE,)),
        ('{"live": ["http://127.0.0.1:9101/metrics", "https://flows.example:9102/metrics?x=1"]}', (LIVE, SECOND)),
        ({"live": "http://127.0.0.1:9101/metrics"}, (LIVE,)),
    ],
)
def test_targets_are_a_list_or_an_object(given: object, expected: tuple[str, ...]) -> None:
    assert ADAPTER.validate_python(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://127.0.0.1:9101/metrics",
        "live=127.0.0.1:9101",
        "live=ftp://127.0.0.1/",
        "live=http://",
        "live=http://[::1/metrics",
        "live=http://h:99999/",
        "=http://h/",
        "a name=http://h/",
        "live=http://user:secret@h/",
        '{"live": ',
        '{"live": 9101}',
        '{"live": ["http://h/", 1]}',
        5,
    ],
)
def test_what_is_no_target_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(given)


def test_targets_go_on_to_child_processes() -> None:
    settings = Settings(gateway_flows=(LIVE, SECOND))
    assert settings.environment()["TAPEFLOW_GATEWAY_FLOWS"] == f"{LIVE},{SECOND}"


GOOD: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (types.address_list, "a:1, b:65535", "a:1, b:65535"),
    (types.addresses, ("a:1",), ("a:1",)),
    (types.url("http", "https"), "", ""),
    (types.url("redis"), "redis://x", "redis://x"),
    (types.urls("http"), "http://a, http://b", "http://a,http://b"),
    (types.start_position, "earliest", "earliest"),
    (types.start_position, "2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
    (types.start_position, '{"0": 1500}', '{"0": 1500}'),
    (types.own_fields, {"price": "p"}, {"price": "p"}),
    (types.quote_fields, {"bid": "b"}, {"bid": "b"}),
    (types.interval_names, ("1m", "1d"), ("1m", "1D")),
    (types.side_words, {"b": "buy"}, {"b": "BUY"}),
    (types.zoned_time, "", ""),
    (types.zoned_time, "2026-01-31T00:00:00-05:00", "2026-01-31T00:00:00-05:00"),
    (types.lateness_by_interval, {"1d": 5}, {"1D": 5}),
    (types.candle_rules, ("previous-close", "OKX=first-trade"), ("previous-close", "OKX=first-trade")),
    (types.split_list, " a,,b ", ("a", "b")),
    (types.split_list, ["a"], ["a"]),
]
BAD: list[tuple[Callable[[Any], Any], Any]] = [
    *[(types.address_list, each) for each in ("", "a", "a:0", "a:65536", ":1", "a:1,", "a:x")],
    (types.addresses, ("a",)),
    (types.url("http"), "ftp://x"),
    (types.urls("http"), "http://a,,http://b"),
    *[(types.start_position, each) for each in ("", "2026-01-31", "yesterday", '{"0": -1}', '{"x": 1}', "{")],
    *[(types.start_position, each) for each in ('{"0": true}', "2026-01-31T09:30:00")],
    (types.own_fields, {"prize": "p"}),
    (types.quote_fields, {"price": "p"}),
    (types.quote_fields, {"bid": "data[].b"}),
    (types.interval_names, ("10m",)),
    *[(types.candle_rules, each) for each in (("last",), ("A=last",), ("=first-trade",))],
    *[(types.candle_rules, (f"{each}first-trade", f"{each.lower()}previous-close")) for each in ("", "A=")],
    *[(types.side_words, each) for each in ({"b": "up"}, {"": "BUY"}, {"x" * 25: "BUY"})],
    (types.side_words, {str(number): "BUY" for number in range(201)}),
    *[(types.zoned_time, each) for each in ("2026-01-31T00:00:00", "x")],
    *[(types.lateness_by_interval, each) for each in ({"2m": 5}, {"1m": -1}, {"1m": types.YEAR_MS + 1})],
]


@pytest.mark.parametrize(("check", "value", "found"), GOOD)
def test_values(check: Callable[[Any], Any], value: Any, found: Any) -> None:
    assert check(value) == found


@pytest.mark.parametrize(("check", "value"), BAD)
def test_what_is_none_says_what_is(check: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check(value)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (types.poll_address, ["", "https://a/?s={symbol}", "http://a:1/{symbol}/{key}"],
         ["https://a/", "ftp://a/{symbol}", "https:///{symbol}", "https://[::1/{symbol}", "{symbol}"]),
        (types.json_pointer, ["", "/price", "/Global Quote/05. price"], ["price", "$.price"]),
    ],
)  # fmt: skip
def test_where_a_vendor_is_asked(check: Callable[[str], str], right: list[str], wrong: list[str]) -> None:
    assert [check(text) for text in right] == right
    for text in wrong:
        with pytest.raises(ValueError, match="such as"):
            check(text)


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        (("bitget=wss://host:1", "bitget=https://host"), True),
        ((), True),
        (("bitget=ftp://host",), False),
        (("wss://host",), False),
        (("bitget=wss://host/path",), False),
        (("bitget=wss://",), False),
        (("bitget=wss://[::1",), False),
    ],
)
def test_addresses_of_venues(given: tuple[str, ...], is_right: bool) -> None:
    if is_right:
        assert types.venue_addresses(given) == given
    else:
        with pytest.raises(ValueError, match="venue=wss://host:port"):
            types.venue_addresses(given)
