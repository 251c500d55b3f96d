"""One measured run of one case, in a process of its own on one core: bare loop, decode and bars, live, history, stock.

bench.pipeline and bench.memory start it by ``run_case`` and get one line of JSON. Every clock starts when the first
records are in hand and stops when the last effect is flushed. The bare loop looks at no error and no offset, so it is
faster than any real consumer can be.
"""

# ruff: noqa: PLC0415 - a case imports what it runs and no more, because memory is measured too

import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runtime.settings.whole import Settings, load_settings
from runtime.tracing.tracer import start_tracing
from schemas.errors import TapeflowError

__all__ = ["CASES", "main", "rss_mb", "run_case"]

EPOCH = timedelta(seconds=2)
BARE_MESSAGES = 20_000
STOCK_WINDOW = timedelta(minutes=1)

Answer = dict[str, float]


def rss_mb(field: str = "VmRSS") -> float:
    """Resident memory of this process now (``VmHWM``: at its peak), in MB of 2**20."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) / 1024


class Watch:
    """Starts at the first records and counts them; ``tell_every`` so many it prints their number, as peers do."""

    def __init__(self, tell_every: int = 0) -> None:
        self.begun = 0.0
        self.begun_cpu_s = 0.0
        self.records = 0
        self.tell_every = tell_every

    def see(self, records: int) -> None:
        if not self.records:
            self.begun = time.perf_counter()
            self.begun_cpu_s = time.process_time()
        before, self.records = self.records, self.records + records
        if self.tell_every and before // self.tell_every < self.records // self.tell_every:
            print(json.dumps({"trades": self.records}), flush=True)

    def answer(self, **more: float) -> Answer:
        seconds = time.perf_counter() - self.begun
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "records": self.records,
            "seconds": seconds,
            "rate": self.records / seconds,
            "peak_rss_mb": rss_mb("VmHWM"),
            "cpu_s": used.ru_utime + used.ru_stime,
            "steady_cpu_s": time.process_time() - self.begun_cpu_s,
            **more,
        }


def bare(settings: Settings, options: dict[str, Any]) -> Answer:
    """``consume()`` and ``.value()`` over the whole topic, with the source's own fetch settings."""
    from confluent_kafka import Consumer, TopicPartition

    from flows.reading import read_options

    wanted, watch = int(options["records"]), Watch()
    consumer = Consumer({**read_options(settings).consumer_properties(), "enable.partition.eof": False})
    partitions = consumer.list_topics(settings.kafka_topic, timeout=10).topics[settings.kafka_topic].partitions
    consumer.assign([TopicPartition(settings.kafka_topic, partition, 0) for partition in partitions])
    while watch.records < wanted:
        messages = consumer.consume(BARE_MESSAGES, 0.1)
        if messages:
            watch.see(len(messages))
            for message in messages:
                message.value()
    answer = watch.answer()
    consumer.close()
    return answer


def bare_c(settings: Settings, options: dict[str, Any]) -> Answer:
    """The same in C, without objects: see bench.bare_consumer."""
    from bench.bare_consumer import run_bare_consumer

    return run_bare_consumer(settings, options)


def watched(watch: Watch) -> None:
    """Tells ``watch`` of every batch that a flow of this process decodes."""
    import flows.reading

    module: Any = flows.reading
    original = module.decode_trades

    def decode_trades(settings: Settings, *rest: Any) -> Callable[[Any], Any]:
        decode = original(settings, *rest)

        def seen(raw: Any) -> Any:
            watch.see(len(raw))
            return decode(raw)

        return seen

    module.decode_trades = decode_trades


def run(flow: Any, settings: Settings, name: str, recovery: bool) -> None:
    from bytewax.recovery import RecoveryConfig
    from bytewax.run import cli_main

    from processes.worker import recovery_of
    from runtime.garbage import keep_what_is_loaded

    keep_what_is_loaded()  # as workers do: else what is imported for traces is looked through again and again
    config = RecoveryConfig(str(recovery_of(settings, name))) if recovery else None
    cli_main(flow, epoch_interval=EPOCH, recovery_config=config)


def decode_and_bars(settings: Settings, options: dict[str, Any]) -> Answer:
    """The flows' source and stateful step; what they make is counted and dropped."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink

    from connectors.kafka.options import Position
    from flows.metrics import FlowMetrics
    from flows.reading import partition_key, rules_of, trades_source
    from flows.shard_step import ShardStep
    from runtime.stopping import StopSignal

    class BarsStep(ShardStep[Any]):
        def publish(self, batch: Any, finals: Any) -> Any:  # noqa: ARG002 - the parent's
            return [finals] if len(finals) else ()

    watch = Watch(int(options.get("tell_every", 0)))
    watched(watch)
    metrics, rules = FlowMetrics("bars"), rules_of(settings)
    steps: list[BarsStep] = []
    out: list[Any] = []

    def apply_trades(state: bytes | None) -> BarsStep:
        steps.append(BarsStep(rules, settings.idle_close_ms, metrics, state))
        return steps[-1]

    flow = Dataflow("bars")
    batches = op.input("read_trades", flow, trades_source(settings, StopSignal(), Position("latest")))
    finals = op.stateful_batch("apply", op.key_on("key", batches, partition_key), apply_trades)
    op.output("drop", finals, TestingSink(out))
    run(flow, settings, "bars", bool(options.get("recovery")))
    return watch.answer(
        applied=sum(int(step.shard.counts[0]) for step in steps), final_bars=sum(len(bars) for _, bars in out)
    )


def whole_flow(name: str) -> Callable[[Settings, dict[str, Any]], Answer]:
    """A flow as users run it, to the end that the topic has now."""

    def measure(settings: Settings, options: dict[str, Any]) -> Answer:
        import importlib

        from connectors.kafka.options import Position
        from runtime.stopping import StopSignal

        watch = Watch()
        watched(watch)
        flow = importlib.import_module(f"flows.{name}").build(settings, StopSignal(), Position("latest"))
        run(flow, settings, name, bool(options.get("recovery")))
        return watch.answer()

    return measure


def stock(settings: Settings, options: dict[str, Any]) -> Answer:
    """What Bytewax's documentation shows: its KafkaSource, fastavro, fold_window; floats, one interval, no sinks."""
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    import fastavro
    from bytewax.connectors.kafka import KafkaSource
    from bytewax.dataflow import Dataflow
    from bytewax.run import cli_main
    from bytewax.testing import TestingSink

    from schemas.avro import schema_text

    watch = Watch(int(options.get("tell_every", 0)))
    schema = fastavro.parse_schema(json.loads(schema_text("Trade")))

    def decode(message: Any) -> Any:
        watch.see(1)
        return fastavro.schemaless_reader(io.BytesIO(message.value[5:]), schema)

    def fold(bar: Any, trade: Any) -> Any:
        price, size = float(trade["price"]), float(trade["size"])
        if not bar:
            return [price, price, price, price, size, 1]
        bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
        bar[4] += size
        bar[5] += 1
        return bar

    out: list[Any] = []
    flow = Dataflow("stock")
    messages = op.input("in", flow, KafkaSource([settings.kafka_bootstrap], [settings.kafka_topic], tail=False))
    trades = op.key_on("key", op.map("decode", messages, decode), lambda trade: trade["symbol"])
    clock: Any = win.EventClock(
        lambda trade: trade["event_time"], wait_for_system_duration=timedelta(milliseconds=settings.out_of_order_ms)
    )
    windower = win.TumblingWindower(length=STOCK_WINDOW, align_to=datetime(2026, 1, 1, tzinfo=UTC))
    bars = win.fold_window("bars", trades, clock, windower, list, fold, lambda one, _other: one)
    op.output("out", bars.down, TestingSink(out))
    cli_main(flow, epoch_interval=EPOCH)
    return watch.answer(applied=sum(bar[5] for _, (_, bar) in out), bars=len(out))


CASES: dict[str, Callable[[Settings, dict[str, Any]], Answer]] = {
    "bare": bare,
    "bare-c": bare_c,
    "bars": decode_and_bars,
    "live": whole_flow("live"),
    "history": whole_flow("history"),
    "stock": stock,
}


def main() -> int:
    name, request = sys.argv[1], json.loads(sys.argv[2])
    if (core := request.get("core")) is not None:
        os.sched_setaffinity(0, {core})
    try:
        settings = load_settings(**request["settings"])
        start_tracing(settings, name)
        answer = CASES[name](settings, request)
    except TapeflowError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return error.exit_code
    print(json.dumps(answer))
    return 0


def run_case(name: str, settings: Settings, **options: Any) -> Answer:
    """Run the case in a process of its own; ``core``: the one it may use. Raises CalledProcessError."""
    plain = {
        field: str(value) if isinstance(value, Path) else value for field, value in settings_given(settings).items()
    }
    command = [sys.executable, "-c", "import sys; from bench.cases import main; sys.exit(main())", name]
    done = subprocess.run(
        [*command, json.dumps({"settings": plain, **options})], stdout=subprocess.PIPE, check=True, timeout=600
    )
    answer: Answer = json.loads(done.stdout.splitlines()[-1])
    return answer


def settings_given(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.model_fields_set}
