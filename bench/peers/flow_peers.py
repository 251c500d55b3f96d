"""The peers of the flows: who makes bars out of the same topic, and what a user writes for it.

tapeflow's own bars are OURS, against which the others' rounds alternate. A new peer is an entry of PEERS and a folder
beside this file.
"""

import inspect
import sys

from bench import cases
from bench.peers.building import jvm_command
from bench.peers.peer import HERE, Peer
from bench.rig import Tape

__all__ = ["OURS", "PEERS"]


def ours(case: str) -> list[str]:
    return [sys.executable, "-m", "bench.peers.ours", case]


def bars_of_all_intervals(tape: Tape) -> tuple[int, int | None]:
    return tape.trades, tape.final_bars


def java(*classes: str) -> tuple[str, ...]:
    """Sources by their paths below bench/peers/jvm, ``module/Class``."""
    names = (each.partition("/") for each in classes)
    return tuple((HERE / "jvm" / module / f"src/main/java/peers/{name}.java").read_text("utf-8")
                 for module, _, name in names)  # fmt: skip


OURS = Peer("tapeflow", "tapeflow, seven intervals, exact", lambda: ours("bars"), wanted=bars_of_all_intervals)
PEERS = (
    Peer(
        "kafka-streams",
        "Kafka Streams 4.3.1: windowed aggregation, store in memory, cache, no changelog",
        lambda: jvm_command("kafka-streams", "KafkaStreamsBars"),
        java("trade/Trade", "trade/Bar", "trade/TradeReader", "kafka-streams/KafkaStreamsBars"),
    ),
    Peer(
        "bytewax",
        "stock Bytewax 0.21.1: KafkaSource, fastavro, fold_window",
        lambda: ours("stock"),
        (inspect.getsource(cases.stock),),
        share=0.02,
    ),
)
