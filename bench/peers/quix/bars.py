"""Bars of one minute by Quix Streams: a tumbling window that is reduced, from the topic to a counting sink.

State lies in RocksDB as always, without a changelog topic. Windows close for a whole partition, so what comes out are
the bars that the end of the tape closes; the reducer sees every trade.
"""

import io
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import fastavro
from marks import Marks
from quixstreams import Application
from quixstreams.models import Deserializer

FRAME = 5


class TradeDeserializer(Deserializer):
    """Confluent-framed Avro by fastavro."""

    def __init__(self) -> None:
        super().__init__()
        self.schema = fastavro.parse_schema(json.loads(Path(os.environ["PEER_SCHEMA"]).read_text("utf-8")))

    def __call__(self, value: bytes, ctx: object) -> dict[str, Any]:  # noqa: ARG002 - the parent's
        trade: Any = fastavro.schemaless_reader(io.BytesIO(value[FRAME:]), self.schema)
        return {
            "price": float(trade["price"]),
            "size": float(trade["size"]),
            "time_ms": int(trade["event_time"].timestamp() * 1000),
        }


def main() -> None:
    marks = Marks()
    bars: list[int] = []
    application = Application(
        broker_address=os.environ["PEER_BOOTSTRAP"],
        consumer_group=os.environ["PEER_NAME"],
        auto_offset_reset="earliest",
        state_dir=os.environ["PEER_FOLDER"],
        use_changelog_topics=False,
        loglevel="ERROR",
    )
    topic = application.topic(
        os.environ["PEER_TOPIC"],
        value_deserializer=TradeDeserializer(),
        timestamp_extractor=lambda trade, *_others: trade["time_ms"],
    )

    def begin(trade: dict[str, Any]) -> list[float]:
        price = trade["price"]
        seen()
        return [price, price, price, price, trade["size"], 1]

    def add(bar: list[float], trade: dict[str, Any]) -> list[float]:
        price = trade["price"]
        seen()
        return [bar[0], max(bar[1], price), min(bar[2], price), price, bar[4] + trade["size"], bar[5] + 1]

    def seen() -> None:
        marks.see()
        if marks.is_over:
            application.stop()

    grace = timedelta(milliseconds=int(os.environ["PEER_OUT_OF_ORDER_MS"]))
    closed = (
        application.dataframe(topic)
        .tumbling_window(timedelta(minutes=1), grace_ms=grace)
        .reduce(reducer=add, initializer=begin)
        .final(closing_strategy="partition")
    )
    closed.update(lambda window: bars.append(int(window["value"][5])))
    application.run()
    marks.end(len(bars), sum(bars))


if __name__ == "__main__":
    main()
