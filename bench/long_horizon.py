"""How long questions over years of bars take in ClickHouse, from bars of a minute and from the longer ones beside them.

``python -m bench.long_horizon --rows 100000000 --folder /tmp/bars`` fills an embedded ClickHouse with that many bars of
a minute of a year, and the bars of an hour, a day and a week that the flows would have written beside them. Then it
asks each question, of all symbols unless it says otherwise, five times or for 5 s, and gives the median. A folder that
is filled is asked again as it is. Questions go to the view that readers use, which merges revisions (FINAL); ``bare``
is the same without it.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from clickhouse_driver import Client

from bench.report import Figure, commit, write
from schemas.intervals import INTERVALS
from sinks.clickhouse.migrations import migrate
from tests.servers.clickhouse import ClickHouseServer

DATABASE = "horizon"
YEAR_MINUTES = 525_600
START = "toDateTime64('2025-01-01 00:00:00', 6, 'UTC')"
ROUNDS = 5
QUESTION_S = 5.0
MINUTES_AT_ONCE = 4_000_000
BOUNDS = {"max_memory_usage": 1 << 30, "max_bytes_before_external_group_by": 1 << 29}
ROLLS = (
    ("1h", "1m", "toStartOfHour(start)"),
    ("1D", "1h", "toStartOfDay(start)"),
    ("1W", "1D", "toDateTime64(toMonday(start), 6, 'UTC')"),
)
# A smooth walk with noise on top: digits as venues have them, and no easier to compress than theirs.
FILL = """
INSERT INTO {db}.bars SELECT concat('S', leftPad(toString(s), 5, '0')) AS symbol, '1m', {start} + toIntervalMinute(m),
    open, open + toDecimal64((h % 90) / 100, 2), open - toDecimal64((h % 70) / 100, 2),
    toDecimal128(round(100 + s % 400 + 20 * sin((m + 1) / 40000 + s) + (cityHash64(s, m + 1) % 100) / 100, 2), 10),
    volume, volume / 2, toDecimal256(open, 10) * toDecimal256(volume, 10), open, toDecimal128(0.25, 10), 1 + h % 400, 0,
    m + 1, 0
FROM (SELECT intDiv(number, {minutes}) + {first} AS s, number % {minutes} AS m, cityHash64(s, m) AS h,
             toDecimal128(round(100 + s % 400 + 20 * sin(m / 40000 + s) + (h % 100) / 100, 2), 10) AS open,
             toDecimal128((h % 100000) / 1000, 10) AS volume
      FROM numbers({count}))
SETTINGS max_insert_threads = 1, max_block_size = 262144, max_partitions_per_insert_block = 0"""
ROLL = """
INSERT INTO {db}.bars SELECT symbol, '{interval}', {bucket} AS bucket, argMin(open, start), max(high), min(low),
    argMax(close, start), sum(volume), sum(buy_volume), sum(quote_volume), argMax(vwap, start), argMax(stddev, start),
    sum(trade_count), 0, max(version), 0
FROM {db}.bars WHERE interval = '{source}' GROUP BY symbol, bucket
SETTINGS max_partitions_per_insert_block = 0"""


class Question(NamedTuple):
    """``sql`` over {bars}; {interval} is one of ``intervals``, the first of which is what a reader should take."""

    name: str
    sql: str
    intervals: tuple[str, ...]


QUESTIONS = (
    Question(
        "one symbol by day, a year",
        "SELECT toStartOfDay(start) AS day, argMin(open, start), max(high), min(low), argMax(close, start), sum(volume)"
        " FROM {bars} WHERE symbol = 'S00007' AND interval = '{interval}' GROUP BY day ORDER BY day",
        ("1D", "1h", "1m"),
    ),
    Question(
        "top movers of a month",
        "SELECT symbol, argMax(close, start) / argMin(open, start) - 1 AS change FROM {bars}"
        " WHERE interval = '{interval}' AND start >= toDateTime64('2025-06-01 00:00:00', 6, 'UTC')"
        " AND start < toDateTime64('2025-07-01 00:00:00', 6, 'UTC') GROUP BY symbol ORDER BY change DESC LIMIT 20",
        ("1D", "1h", "1m"),
    ),
    Question(
        "52-week high and low",
        "SELECT symbol, max(high), min(low) FROM {bars} WHERE interval = '{interval}' GROUP BY symbol ORDER BY symbol",
        ("1D", "1h", "1m"),
    ),
    Question(
        "VWAP by month, a year",
        "SELECT symbol, toStartOfMonth(start) AS month, sum(quote_volume) / sum(toDecimal256(volume, 10)) FROM {bars}"
        " WHERE interval = '{interval}' AND volume > 0 GROUP BY symbol, month ORDER BY symbol, month",
        ("1D", "1h", "1m"),
    ),
    Question(
        "volume by hour of the day, a year",
        "SELECT toHour(start) AS hour, sum(toDecimal256(volume, 10)) FROM {bars} WHERE interval = '{interval}'"
        " GROUP BY hour ORDER BY hour",
        ("1h", "1m"),
    ),
    Question(
        "averages of 50 and 200 days",
        "SELECT start, avg(toFloat64(close)) OVER (ORDER BY start ROWS 49 PRECEDING),"
        " avg(toFloat64(close)) OVER (ORDER BY start ROWS 199 PRECEDING)"
        " FROM {bars} WHERE symbol = 'S00007' AND interval = '{interval}' ORDER BY start",
        ("1D",),
    ),
    Question(
        "volatility by day, one symbol, a year",
        "SELECT toStartOfDay(start) AS day, sqrt(sum(r * r)) FROM (SELECT start, log(toFloat64(close)"
        " / toFloat64(lagInFrame(close, 1, close) OVER (ORDER BY start ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))) AS r"
        " FROM {bars} WHERE symbol = 'S00007' AND interval = '{interval}') GROUP BY day ORDER BY day",
        ("1m", "1h"),
    ),
    Question(
        "correlation of 20, 90 days",
        "WITH r AS (SELECT symbol, start, log(toFloat64(close) / toFloat64(lagInFrame(close, 1, close)"
        " OVER (PARTITION BY symbol ORDER BY start ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))) AS r"
        " FROM {bars} WHERE symbol < 'S00020'"
        " AND interval = '{interval}' AND start >= toDateTime64('2025-06-01 00:00:00', 6, 'UTC')"
        " AND start < toDateTime64('2025-08-30 00:00:00', 6, 'UTC'))"
        " SELECT a.symbol, b.symbol, corr(a.r, b.r) FROM r AS a JOIN r AS b USING (start) GROUP BY 1, 2 ORDER BY 1, 2",
        ("1h",),
    ),
)


def fill(client: Client, rows: int, seconds: float) -> bool:
    """``rows`` bars of a minute, whole symbols at a time, and what is rolled up from them; goes on where it was. False
    where ``seconds`` were not enough."""
    migrate(client, DATABASE)
    symbols = max(20, rows // YEAR_MINUTES)
    minutes = min(YEAR_MINUTES, rows // symbols)
    at_once = max(1, MINUTES_AT_ONCE // minutes)
    end = time.monotonic() + seconds
    ((there, rolled),) = client.execute(
        f"SELECT uniqExactIf(symbol, interval = '1m'), countIf(interval = '1D') FROM {DATABASE}.bars"
    )
    for first in range(there, symbols, at_once):
        count = min(at_once, symbols - first) * minutes
        client.execute(FILL.format(db=DATABASE, start=START, minutes=minutes, first=first, count=count))
        print(f"{first * minutes + count:,} rows", flush=True)
        if time.monotonic() > end:
            return False
    if not rolled:
        for name, source, bucket in ROLLS:
            client.execute(ROLL.format(db=DATABASE, interval=name, bucket=bucket, source=source))
    return True


def median_ms(client: Client, sql: str) -> float:
    seconds: list[float] = []
    while len(seconds) < ROUNDS and sum(seconds) < QUESTION_S:
        begun = time.perf_counter()
        client.execute(sql, settings=BOUNDS)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1000


def asked(client: Client, command: str, only: str) -> Iterator[Figure]:
    for question in QUESTIONS:
        if only not in question.name:
            continue
        for interval in question.intervals:
            for kind, bars in (("", f"{DATABASE}.bars_final"), (", bare", f"{DATABASE}.bars")):
                took_ms = median_ms(client, question.sql.format(bars=bars, interval=interval))
                yield Figure(f"{question.name}, {interval}{kind}", took_ms, "ms", None, command, commit())


def sizes(client: Client) -> None:
    found = client.execute(
        "SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts"
        " WHERE active AND database = %(db)s AND table = 'bars'",
        {"db": DATABASE},
    )
    rows, size, parts = found[0]
    print(f"{rows:,} rows, {size / 1e9:.2f} GB on disk ({size / rows:.1f} bytes a bar), {parts} parts")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="bars of a minute")
    parser.add_argument("--folder", type=Path, help="where the bars are kept, to be asked again; else they go")
    parser.add_argument("--fill-seconds", type=float, default=1e9, help="fill no longer; the next start goes on")
    parser.add_argument("--only", default="", help="questions with these words in their names")
    parser.add_argument("--json", help="append the figures to this file")
    arguments = parser.parse_args()
    assert {name for name, _, _ in ROLLS} < {each.name for each in INTERVALS}
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-horizon-")))
        server = stack.enter_context(ClickHouseServer(folder))
        client = stack.enter_context(Client.from_url(server.dsn))
        if not fill(client, arguments.rows, arguments.fill_seconds):
            print("not filled yet: start it again")
            return 1
        sizes(client)
        command = f"python -m bench.long_horizon --rows {arguments.rows}"
        write(list(asked(client, command, arguments.only)), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
