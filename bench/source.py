"""How long a record at a low rate takes through the Kafka source, and what a quiet topic costs.

``python -m bench.source --json FILE``. One worker of the engine runs the source alone; a producer without linger sends
single records that carry the time when they were handed to it. Every record sent is counted, and the quiet stretch
begins only after the last one; its processor time is that of the whole process, client threads included.
"""

import argparse
import sys
import threading
import time
from dataclasses import dataclass

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from bytewax.testing import TestingSink
from confluent_kafka import Producer

from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, servers
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.source import KafkaSource
from schemas.columns import RawBatch
from tests.servers.kafka import make_topic  # type: ignore[attr-defined]  # not the folder beside it

TOPIC = "bench-source"
COMMAND = "python -m bench.source"
WARM_UP = 100
"""Records that aren't measured: the first ones wait for the client's own start."""


@dataclass
class Arrived:
    """An item of the flow: what it carries has been noted already."""

    caught_up: bool = False


class Feed(threading.Thread):
    """Sends, then lets the topic rest, then stops the flow."""

    def __init__(self, bootstrap: str, stop: threading.Event, records: int, rate: float, quiet_s: float) -> None:
        super().__init__(daemon=True)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 2})
        self._stop_flow, self._records, self._rate, self._quiet_s = stop, records, rate, quiet_s
        self.ages_ms: list[float] = []
        self.quiet_share = 0.0

    def run(self) -> None:
        for number in range(WARM_UP + self._records):
            self._producer.produce(TOPIC, str(time.time_ns()).encode(), partition=number % PARTITIONS)
            self._producer.poll(0)
            time.sleep(1 / self._rate)
        self._producer.flush(10)
        time.sleep(1.0)
        before = time.process_time()
        time.sleep(self._quiet_s)
        self.quiet_share = (time.process_time() - before) / self._quiet_s
        self._stop_flow.set()

    def note(self, batch: RawBatch) -> Arrived:
        now, start = time.time_ns(), 0
        for end in batch.ends.tolist():
            self.ages_ms.append((now - int(batch.data[start:end])) / 1e6)
            start = end
        return Arrived()


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--quiet-s", type=float, default=10.0)
    options = parser.parse_args()
    stop = threading.Event()
    with servers(core=None) as rig:
        make_topic(rig.bootstrap, TOPIC, PARTITIONS)
        feed = Feed(rig.bootstrap, stop, options.records, options.rate, options.quiet_s)
        source = KafkaSource(
            KafkaReadOptions(bootstrap=rig.bootstrap, topic=TOPIC), feed.note, empty=lambda *_: Arrived(), stop=stop
        )
        flow = Dataflow("source")
        op.output("drop", op.input("read", flow, source), TestingSink([]))
        feed.start()
        cli_main(flow)
    if len(feed.ages_ms) != WARM_UP + options.records:
        raise SystemExit(f"wrong result, no figures: {len(feed.ages_ms)} records read")
    ages_ms = feed.ages_ms[WARM_UP:]
    figures = [
        Figure(f"source, {options.rate:g} records/s, p{share}", float(np.percentile(ages_ms, share)), "ms", None,
               COMMAND, commit())
        for share in (50, 99)
    ]  # fmt: skip
    figures.append(Figure("source, quiet topic", feed.quiet_share * 100, "% of a core", None, COMMAND, commit()))
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
