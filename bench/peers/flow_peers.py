"""The peers of the flows: who makes bars out of the same topic, and what a user writes for it.

tapeflow's own bars are OURS, against which the others' rounds alternate. A new peer is an entry of PEERS and a folder
beside this file.
"""

import inspect
import sys

from bench import cases
from bench.peers.building import jvm_command, python_of
from bench.peers.peer import HERE, Peer
from bench.rig import Tape

__all__ = ["OURS", "PEERS"]


def ours(case: str) -> list[str]:
    return [sys.executable, "-m", "bench.peers.ours", case]


def bars_of_all_intervals(tape: Tape) -> tuple[int, int | None]:
    return tape.trades, tape.final_bars


def closed_by_the_tape(tape: Tape) -> tuple[int, int | None]:
    return tape.final_trades, None


def python(name: str) -> list[str]:
    """The program of a peer in its own environment; it finds marks.py beside its folder."""
    return ["env", f"PYTHONPATH={HERE}", python_of(name), str(HERE / name / "bars.py")]


def program(name: str) -> tuple[str, ...]:
    return ((HERE / name / "bars.py").read_text("utf-8"),)


def java(*classes: str) -> tuple[str, ...]:
    """Sources by their paths below bench/peers/jvm, ``module/Class``."""
    names = (each.partition("/") for each in classes)
    return tuple((HERE / "jvm" / module / f"src/main/java/peers/{name}.java").read_text("utf-8")
                 for module, _, name in names)  # fmt: skip


OURS = Peer("tapeflow", "tapeflow, seven intervals, exact", lambda: ours("bars"), wanted=bars_of_all_intervals)
FLINK = ("trade/Trade", "trade/Bar", "flink/FlinkJob", "flink/BarOfTrades")
PEERS = (
    Peer(
        "flink",
        "Flink 2.3.0, DataStream as it is taught: keyBy, tumbling window, generic Avro reader",
        lambda: jvm_command("flink", "FlinkBars"),
        java(*FLINK, "trade/TradeReader", "flink/FlinkBars"),
    ),
    Peer(
        "flink-tuned",
        "Flink, tuned by hand: decoder of its own, no shuffle, objects used again",
        lambda: [*jvm_command("flink", "FlinkTunedBars"), "one"],
        java(*FLINK, "flink/TunedDecoding", "flink/FlinkTunedBars"),
    ),
    Peer(
        "flink-seven",
        "Flink, tuned by hand, seven intervals, each rolled up from the one before",
        lambda: [*jvm_command("flink", "FlinkTunedBars"), "all"],
        java(*FLINK, "flink/BarOfBars", "flink/TunedDecoding", "flink/FlinkTunedBars"),
    ),
    Peer(
        "flink-sql",
        "Flink SQL: TUMBLE over a DataStream of trades",
        lambda: jvm_command("flink", "FlinkSqlBars"),
        java("trade/Trade", "trade/TradeReader", "flink/FlinkJob", "flink/FlinkSqlBars"),
        share=0.4,
    ),
    Peer(
        "kafka-streams",
        "Kafka Streams 4.3.1: windowed aggregation, store in memory, cache, no changelog",
        lambda: jvm_command("kafka-streams", "KafkaStreamsBars"),
        java("trade/Trade", "trade/Bar", "trade/TradeReader", "kafka-streams/KafkaStreamsBars"),
    ),
    Peer(
        "quix",
        "Quix Streams 3.28.1: tumbling window, RocksDB, no changelog, fastavro",
        lambda: python("quix"),
        program("quix"),
        share=0.1,
        wanted=closed_by_the_tape,
    ),
    Peer(
        "pathway",
        "Pathway 0.33.0: raw records, a function of Python, tumbling window (rate over all trades)",
        lambda: python("pathway"),
        program("pathway"),
        share=0.1,
    ),
    Peer(
        "bytewax",
        "stock Bytewax 0.21.1: KafkaSource, fastavro, fold_window",
        lambda: ours("stock"),
        (inspect.getsource(cases.stock),),
        share=0.04,
    ),
)
