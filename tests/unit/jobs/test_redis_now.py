"""What Redis holds against the oracle: equal as it is, and every way of being wrong is seen."""

import json
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatch
from typing import Any

import pytest

from jobs.redis_now import BAR_FIELDS, TICKER_FIELDS, compare_now, quote_differences
from oracle.comparison import Comparison
from oracle.quotes import OracleQuote
from oracle.truth import OracleBar, OracleRules, OracleTicker, OracleTrade, recompute

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US


def trade(offset: int, minute: int, price: str) -> OracleTrade:
    return OracleTrade(
        0, offset, -1, 10 * DAY_US + minute * MINUTE_US, "A/B", Decimal(price), Decimal(2), "BUY", "", "X"
    )


RESULT = recompute(
    [trade(0, 0, "1.5"), trade(1, 1, "2"), trade(2, 1, "3.25"), trade(3, 1500, "4"), trade(4, 1501, "5")],
    OracleRules(out_of_order_us=0),
)


def plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else float(value)


def bar_json(bar: OracleBar) -> bytes:
    fields = {theirs: plain(getattr(bar, ours)) for theirs, ours in BAR_FIELDS.items()}
    return json.dumps({**fields, "time": bar.start_us // 1000, "final": bar.final}).encode()


def ticker_json(ticker: OracleTicker) -> bytes:
    fields = {theirs: plain(getattr(ticker, ours)) for theirs, ours in TICKER_FIELDS.items()}
    return json.dumps({**fields, "timestamp": ticker.event_time_us // 1000, "exchange": ticker.exchange}).encode()


class FakeRedis:
    """The four reads that the comparison makes."""

    def __init__(self) -> None:
        (ticker,) = RESULT.tickers.values()
        self.strings = {"price:A/B": ticker_json(ticker)}
        self.sets: dict[str, dict[int, bytes]] = {}
        for bar in RESULT.sorted_bars():
            self.strings[f"candle:A/B:{bar.interval}"] = bar_json(bar)
            members = self.sets.setdefault(f"candles:A/B:{bar.interval}", {})
            if bar.final:
                members[bar.start_us // 1000] = bar_json(bar)

    def mget(self, keys: list[str]) -> list[bytes | None]:
        return [self.strings.get(key) for key in keys]

    def zrange(self, key: str, _first: int, _last: int, withscores: bool) -> list[tuple[bytes, float]]:
        return [(member, float(score)) for score, member in self.sets[key].items()]

    def scan_iter(self, pattern: str, _count: int) -> Iterator[bytes]:
        return (key.encode() for key in self.strings if fnmatch(key, pattern))


def compared(client: FakeRedis, kept: int = 1000) -> Comparison:
    stand_in: Any = client  # for redis.Redis
    return compare_now(stand_in, RESULT, kept=lambda _interval, _symbols: kept)


def fields(found: Comparison) -> list[str]:
    return [each.field for each in found.differences]


def change(text: bytes, **values: object) -> bytes:
    return json.dumps({**json.loads(text), **values}).encode()


def test_what_the_oracle_says_is_no_difference() -> None:
    found = compared(FakeRedis())
    assert found.differences == []
    finals = sum(bar.final for bar in RESULT.bars.values())
    assert found.compared == 1 + 7 + finals


@pytest.mark.parametrize("field", [*TICKER_FIELDS, "timestamp", "exchange"])
def test_every_ticker_field_is_looked_at(field: str) -> None:
    client = FakeRedis()
    client.strings["price:A/B"] = change(client.strings["price:A/B"], **{field: 77})
    assert fields(compared(client)) == [field]


@pytest.mark.parametrize("field", [*BAR_FIELDS, "time"])
def test_every_bar_field_is_looked_at(field: str) -> None:
    client = FakeRedis()
    client.strings["candle:A/B:5m"] = change(client.strings["candle:A/B:5m"], **{field: 77})
    assert fields(compared(client)) == [field]


def test_missing_keys_differ() -> None:
    client = FakeRedis()
    del client.strings["price:A/B"], client.strings["candle:A/B:1m"]
    client.sets["candles:A/B:1D"].clear()
    assert fields(compared(client)) == ["ticker", "bar", "bar"]


def test_stray_keys_and_bars_differ() -> None:
    client = FakeRedis()
    client.strings["price:Z"] = b"{}"
    client.sets["candles:A/B:1m"][77] = b"{}"
    assert fields(compared(client)) == ["final bar", "key"]


def test_final_bar_must_say_so() -> None:
    client = FakeRedis()
    members = client.sets["candles:A/B:1m"]
    start_ms = next(iter(members))
    members[start_ms] = change(members[start_ms], final=False)
    assert fields(compared(client)) == ["final"]


def test_only_the_last_final_bars_are_kept() -> None:
    client = FakeRedis()
    members = client.sets["candles:A/B:1m"]
    del members[min(members)]
    assert fields(compared(client)) == ["bar"]
    assert fields(compared(client, kept=2)) == []


def test_bar_that_was_closed_early_and_grew_is_left_out() -> None:
    client = FakeRedis()
    newest = RESULT.sorted_bars(["1m"])[-1]
    early = change(bar_json(newest), final=True, sequence=newest.version - 1, close=77)
    client.sets["candles:A/B:1m"][newest.start_us // 1000] = early
    found = compared(client)
    assert (found.differences, found.open) == ([], 1)


def test_newest_quotes_are_compared_in_every_field() -> None:
    class Held:
        """Redis as far as it is asked."""

        def __init__(self, **quotes: dict[str, object]) -> None:
            self.quotes = {f"md:quote:{symbol}": json.dumps(quote).encode() for symbol, quote in quotes.items()}

        def mget(self, keys: list[str]) -> list[bytes | None]:
            return [self.quotes.get(key) for key in keys]

    def differences(held: Held, *newest: OracleQuote) -> list[str]:
        return quote_differences(held, newest)  # type: ignore[arg-type]

    quote = OracleQuote(0, 7, 1_234_567, "A", Decimal("1.5"), Decimal(2), Decimal(3), Decimal(4), "X")
    crossed = OracleQuote(0, 8, 2_000_000, "B", Decimal(2), Decimal(1))
    a = {
        "type": "quote", "symbol": "A", "bid": 1.5, "ask": 2, "bidSize": 3, "askSize": 4, "mid": 1.75, "spread": 0.5,
        "quoteTimestamp": 1234, "quoteSequence": 7, "exchange": "X",
    }  # fmt: skip
    b = a | {
        "symbol": "B", "bid": 2, "ask": 1, "bidSize": 1, "askSize": 1, "mid": None, "spread": None,
        "quoteTimestamp": 2000, "quoteSequence": 8, "exchange": "XNAS",
    }  # fmt: skip
    assert differences(Held()) == []
    assert differences(Held(A=a, B=b), quote, crossed) == []
    assert len(differences(Held(A=a), quote, crossed)) == 1
    for name in a:
        (wrong,) = differences(Held(A=a | {name: "other"}), quote)
        assert wrong.startswith("quote of A: ")
