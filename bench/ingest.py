"""What one core takes of venues: frames to records by the second, how long a trade is under way, memory over a day.

``python -m bench.ingest --json FILE``. Frames as Bitget and Binance send them, a trade in each, go through all of
``tapeflow ingest`` but the socket into a real Kafka, whose broker has the other core. A figure counts only when the
topic holds every trade. The bare loop sends values of the same sizes with the same client, and nothing else.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from bench.report import Figure, commit, write
from bench.rig import SERVER_CORE, WORKER_CORE
from feeds.recording import Frame
from feeds.venues import VENUES
from jobs.ingest.broker_watch import LIVE
from jobs.ingest.intake import Intake
from jobs.ingest.letters import FeedLetters
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter
from jobs.produce.sender import TapeSender
from runtime.settings.whole import load_settings
from tests.servers.kafka import KafkaBroker, make_topic  # type: ignore[attr-defined]  # not the folder beside it

COMMAND: Final = "python -m bench.ingest"
SYMBOLS: Final = tuple(f"{letter}{number}" for letter in "ABCDE" for number in range(10))
START_MS: Final = 1_767_225_600_000
DAY_S: Final = 86_400
STEP_S: Final = 0.001
WARM: Final = 20_000


def frames(name: str, count: int, spacing_ms: float) -> Iterator[Frame]:
    """``count`` trades of a made-up venue, one a frame."""
    chance = random.Random(1)
    for number in range(count):
        base, time_ms = chance.choice(SYMBOLS), START_MS + int(number * spacing_ms)
        price, size = (
            f"{chance.randrange(1, 99_999)}.{chance.randrange(100):02d}",
            f"0.{chance.randrange(1, 10**6):06d}",
        )
        yield Frame(time_ms * 1000, frame(name, base, number, time_ms, price, size))


def frame(name: str, base: str, number: int, time_ms: int, price: str, size: str) -> bytes:
    if name == "bitget":
        row = f'{{"ts":"{time_ms}","price":"{price}","size":"{size}","side":"buy","tradeId":"{10**18 + number}"}}'
        arg = f'{{"instType":"SPOT","channel":"trade","instId":"{base}USDT"}}'
        return f'{{"action":"update","arg":{arg},"data":[{row}],"ts":{time_ms}}}'.encode()
    row = f'"e":"aggTrade","E":{time_ms},"s":"{base}USDT","a":{number},"p":"{price}","q":"{size}","f":1,"l":1'
    return f'{{"stream":"{base}usdt@aggTrade","data":{{{row},"T":{time_ms},"m":true,"M":true}}}}'.encode()


class Line:
    """An intake of ``name`` into a topic of its own."""

    def __init__(self, bootstrap: str, topic: str, name: str) -> None:
        settings = load_settings(kafka_bootstrap=bootstrap, kafka_topic=topic)
        self.underway: deque[int] = deque()
        self.took_ms: list[float] = []
        self.writer = RecordWriter(bootstrap, topic, LIVE, self._answered)
        self.intake = Intake(
            VENUES[name], TapeSender(self.writer, encoder_of(settings)), None, FeedLetters(settings, name)
        )

    def _answered(self, _message: Any) -> None:
        if self.underway:
            self.took_ms.append((time.perf_counter_ns() - self.underway.popleft()) / 1e6)


def rate_of(bootstrap: str, topic: str, name: str, count: int) -> dict[str, float]:
    """Trades a second, at once."""
    made, line = list(frames(name, WARM + count, 1.0)), Line(bootstrap, topic, name)
    for each in made[:WARM]:
        line.intake.take(each)
    line.intake.flush()
    began_s = time.perf_counter()
    for each in made[WARM:]:
        line.intake.take(each)
    line.intake.finish()
    took_s = time.perf_counter() - began_s
    return {"rate": count / took_s, "delivered": line.writer.delivered}


def bare_of(bootstrap: str, topic: str, _name: str, count: int) -> dict[str, float]:
    """The producer alone, with values and keys as the venue's would be."""
    value, key = b"x" * 75, b"A0/USDT"
    writer = RecordWriter(bootstrap, topic)
    values, keys = [value] * 1_000, [key] * 1_000
    began_s = time.perf_counter()
    for _ in range(count // 1_000):
        writer.send(values, keys)
    writer.finish()
    return {"rate": count / (time.perf_counter() - began_s), "delivered": writer.delivered}


def delay_of(bootstrap: str, topic: str, name: str, rate: int, seconds: float = 20.0) -> dict[str, float]:
    """ms from a frame at hand to the broker's answer, at ``rate`` a second, looked after as the live loop does. Answers
    are taken in the order of frames, though those of different partitions may overtake each other by a batch."""
    made, line = list(frames(name, int(rate * seconds), 1000 / rate)), Line(bootstrap, topic, name)
    began_s, sent = time.perf_counter(), 0
    while sent < len(made):
        due = min(len(made), int((time.perf_counter() - began_s) * rate))
        for each in made[sent:due]:
            line.underway.append(time.perf_counter_ns())
            line.intake.take(each)
        sent = max(sent, due)
        line.intake.flush()
        line.intake.look()
        time.sleep(STEP_S)
    line.intake.finish()
    took_ms = np.array(line.took_ms[int(rate) :])  # a second to warm up
    return {
        "p50": float(np.quantile(took_ms, 0.5)),
        "p99": float(np.quantile(took_ms, 0.99)),
        "delivered": line.writer.delivered,
    }


def memory_of(bootstrap: str, topic: str, name: str, count: int) -> dict[str, float]:
    """MB that a day of ``count`` trades adds, by a line through its second half, and the peak."""
    line, sizes = Line(bootstrap, topic, name), []
    for number, each in enumerate(frames(name, count, DAY_S * 1000 / count)):
        line.intake.take(each)
        if number % max(count // 200, 1) == 0:
            line.intake.flush()
            sizes.append(resident_mb())
    line.intake.finish()
    half = sizes[len(sizes) // 2 :]
    slope = float(np.polyfit(np.arange(len(half)) / len(sizes), half, 1)[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"slope": slope, "peak": peak, "delivered": line.writer.delivered}


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


RUNS: Final[dict[str, Callable[[str, str, str, int], Any]]] = {
    "rate": rate_of,
    "bare": bare_of,
    "delay": delay_of,
    "memory": memory_of,
}


def run(broker: KafkaBroker, what: str, name: str, count: int, wanted: int) -> dict[str, float]:
    """In a process of its own on one core; ``wanted``: records that its topic must hold."""
    topic = make_topic(broker.bootstrap, f"{what}-{name}-{time.time_ns()}", 4, {"retention.ms": "-1"})
    words = [sys.executable, "-m", "bench.ingest", "--run", f"{what},{broker.bootstrap},{topic},{name},{count}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = msgspec.json.decode(done.stdout)
    if found["delivered"] != wanted:
        raise SystemExit(f"wrong result, no figures: {found['delivered']} records instead of {wanted}")
    print(f"{what:8}{name:10}" + "  ".join(f"{key} {value:,.2f}" for key, value in found.items()), flush=True)
    return found


def figures(options: argparse.Namespace) -> list[Figure]:
    made, now = [], commit()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    with KafkaBroker() as broker:
        os.sched_setaffinity(0, before)
        for name in ("bitget", "binance"):
            rates, ratios = [], []
            for _ in range(options.rounds):
                bare = run(broker, "bare", name, options.trades, options.trades)["rate"]
                rates.append(run(broker, "rate", name, options.trades, options.trades + WARM)["rate"])
                ratios.append(rates[-1] / bare)
            rate, ratio = statistics.median(rates), statistics.median(ratios)
            made.append(Figure(f"frames of {name} to Kafka, one core", rate, "trades/s", ratio, COMMAND, now))
        delay = run(broker, "delay", "bitget", options.rate, int(options.rate * 20.0))
        for share in ("p50", "p99"):
            what = f"frame to the broker's answer at {options.rate:,}/s, {share}"
            made.append(Figure(what, delay[share], "ms", None, COMMAND, now))
        memory = run(broker, "memory", "bitget", options.day, options.day)
        made.append(
            Figure(f"memory over a day of {options.day:,} trades", memory["slope"], "MB/day", None, COMMAND, now)
        )
        made.append(Figure("its peak", memory["peak"], "MB", None, COMMAND, now))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--day", type=int, default=1_728_000)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        os.sched_setaffinity(0, {WORKER_CORE})
        what, bootstrap, topic, name, count = options.run.split(",")
        print(msgspec.json.encode(RUNS[what](bootstrap, topic, name, int(count))).decode())
        return 0
    write(figures(options), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
