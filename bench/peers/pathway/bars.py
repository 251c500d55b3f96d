"""Bars of one minute by Pathway: raw records decoded by a function of Python, a tumbling window, its reducers.

The topic is read as a stream, so a window's row is taken back and put anew at each commit. Commits are few and come
late when there is much to read, so there are two marks: the first trade, and all trades in the windows' counts.
"""

import io
import json
import os
from pathlib import Path
from typing import Any

import fastavro
import pathway as pw
from marks import Marks

FRAME = 5
MINUTE_MS = 60_000


def main() -> None:
    marks = Marks()
    schema = fastavro.parse_schema(json.loads(Path(os.environ["PEER_SCHEMA"]).read_text("utf-8")))
    bars: set[Any] = set()
    changed: list[int] = []

    @pw.udf
    def decode(value: bytes) -> tuple[str, float, float, int]:
        marks.begin()
        trade: Any = fastavro.schemaless_reader(io.BytesIO(value[FRAME:]), schema)
        time_ms = int(trade["event_time"].timestamp() * 1000)
        return trade["symbol"], float(trade["price"]), float(trade["size"]), time_ms

    records = pw.io.kafka.read(
        {
            "bootstrap.servers": os.environ["PEER_BOOTSTRAP"],
            "group.id": os.environ["PEER_NAME"],
            "auto.offset.reset": "earliest",
        },
        topic=os.environ["PEER_TOPIC"],
        format="raw",
        mode="streaming",
    )
    decoded = records.select(trade=decode(pw.this.data))
    trades = decoded.select(
        symbol=pw.this.trade[0], price=pw.this.trade[1], size=pw.this.trade[2], time_ms=pw.this.trade[3]
    )
    windows = trades.windowby(
        trades.time_ms, window=pw.temporal.tumbling(duration=MINUTE_MS), instance=trades.symbol
    ).reduce(
        symbol=pw.this._pw_instance,  # noqa: SLF001 - its documented name
        start_ms=pw.this._pw_window_start,  # noqa: SLF001 - its documented name
        open=pw.reducers.earliest(pw.this.price),
        high=pw.reducers.max(pw.this.price),
        low=pw.reducers.min(pw.this.price),
        close=pw.reducers.latest(pw.this.price),
        volume=pw.reducers.sum(pw.this.size),
        trades=pw.reducers.count(),
    )

    def keep(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG001 - Pathway's
        changed.append(row["trades"] if is_addition else -row["trades"])
        if is_addition:
            bars.add(key)

    def commit(time: int) -> None:  # noqa: ARG001 - Pathway's
        if sum(changed) >= marks.trades:
            marks.see(sum(changed))
            marks.end(len(bars), marks.seen)
            os._exit(0)  # a stream has no end that Pathway would wait for

    pw.io.subscribe(windows, on_change=keep, on_time_end=commit)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
