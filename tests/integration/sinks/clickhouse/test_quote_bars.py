"""Bars of quotes in a real ClickHouse: every digit, written twice they stand once, and the newest version wins."""

from dataclasses import replace
from decimal import Decimal

from clickhouse_driver import Client

from kernels.decimal_text import to_decimal
from schemas.quotes import QuoteBar
from sinks.clickhouse.quote_bars import QuoteBarsSink
from tests.property.quote_records import START_US

GREATEST = 10**28 - 1
BAR = QuoteBar(
    "BTC/USDT", "1m", START_US, 3, 1, GREATEST, 1, 15 * 10**9, 2, GREATEST, 2, 2 * 10**10, 0, GREATEST, 5, 1, True,
    60_000_000, 7, GREATEST * 604_800_000_000, {0: 4, 8065: 5}, 9,
)  # fmt: skip


def test_bars_stand_once_in_their_newest_version(client: Client, clickhouse_dsn: str, database: str) -> None:
    part = QuoteBarsSink(clickhouse_dsn, database, 1).build_part("write", "00000", None)
    for bars in ([BAR, replace(BAR, symbol="A")], [replace(BAR, count=6, version=8)], [BAR]):
        part.write_batch([bars])
        part.snapshot()
    part.close()
    found = client.execute(
        "SELECT symbol, interval, toUnixTimestamp64Micro(start), kafka_partition, bid_open, bid_high, bid_close,"
        " ask_close, spread_max, count, crossed, spread_us, crossed_us, spread_sum, spread, version"
        f" FROM {database}.quote_bars_final ORDER BY symbol DESC LIMIT 1"
    )
    greatest = Decimal("999999999999999999.9999999999")
    assert found == [
        (
            "BTC/USDT", "1m", START_US, 3, Decimal("0.0000000001"), greatest, Decimal("1.5"), Decimal(2), greatest,
            5, 1, 60_000_000, 7, to_decimal(GREATEST * 604_800_000_000), {0: 4, 8065: 5}, 9,
        )
    ]  # fmt: skip
    assert client.execute(f"SELECT count() FROM {database}.quote_bars_final") == [(2,)]
