"""The demo: the embedded stack, all flows, producers, a live view, and the proof that all of it is right.

``tapeflow demo`` calls ``run_demo``. The servers and flows are those of production, started as processes of their own.
Each is stopped whatever happens, and the outcome is a success only if the proof holds. The data lives in a fresh
folder, which is kept only when something went wrong.
"""

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.console import Console

from connectors.synthetic import symbol_names
from demo.desk import DemoDesk, DeskFigures, desk_figures, ensure_desk_topics
from demo.desk_proof import DeskMade
from demo.figures import Figures, figures_of
from demo.gateway import DemoGateway, first_symbol
from demo.proof import Proof, prove
from demo.quotes import QUOTES, DemoQuotes, prove_quotes, quotes_read
from demo.tape import DemoPlan, DemoProducer
from demo.view import DemoView, Moment
from jobs.price_alerts import read_armings
from jobs.produce.kafka_writer import ensure_topic
from jobs.progress import shown_progress
from local.ports import free_ports
from local.stack import Endpoints, Stack, in_use
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from runtime.quantiles import quantile_ms
from runtime.settings.whole import Settings
from schemas.desk import DESK_KINDS
from schemas.errors import SettingError, TapeflowError
from schemas.names import (
    ALERT_RULES_TOPIC,
    EXPOSURE_TOPIC,
    LP_TOPIC,
    QUOTES_TOPIC,
    ROUTING_TOPIC,
    TRADES_TOPIC,
    dead_letter_topic,
)
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.clickhouse.migrations import migrate

__all__ = ["DemoFailed", "DemoOutcome", "demo_settings", "run_demo"]

FLOWS: Final = ("live", "history")
DESK_FLOWS: Final = ("analytics", "alerts")
"""Started behind the first trade, so that nobody waits for them."""
QUOTE_INTERVALS: Final = ("1m", "1h")
LOOK_S: Final = 0.25
FLOW_START_S: Final = 240.0
"""The first run on a machine compiles the kernels, on a slow one for a minute or two."""
CATCH_UP_S: Final = 60.0
STOP_S: Final = 30.0
LOG_LINES: Final = 15
RUNS_KEPT: Final = 3


class DemoFailed(TapeflowError):
    """Something that the demo started didn't do its part."""


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """figures: each flow's last. exit_codes: of the graceful stop of the flows and of the gateway."""

    plan: DemoPlan
    took_s: float
    sent: int
    figures: dict[str, Figures]
    exit_codes: dict[str, int]
    proof: Proof

    @property
    def holds(self) -> bool:
        return self.proof.holds and not any(self.exit_codes.values())

    def as_dict(self) -> dict[str, Any]:
        flows = {
            name: {
                "read": each.records,
                "symbols": each.symbols,
                "bars_final": each.bars_final,
                "rejects": dict(each.rejects),
                "latency_p50_ms": quantile_ms(each.buckets, 0.5),
                "latency_p99_ms": quantile_ms(each.buckets, 0.99),
                "exit_code": self.exit_codes[name],
            }
            for name, each in self.figures.items()
        }
        return {
            "holds": self.holds,
            "seconds": round(self.took_s, 3),
            "file": self.plan.source,
            "symbols": self.plan.symbols,
            "sent": self.sent,
            "flows": flows,
            "proof": self.proof.as_dict(),
        }


def plain_words() -> dict[str, object]:
    """The settings of values as tapeflow itself writes them."""
    names = ("time_origin", "side_map", "side_of", "signed_size", "price_scale", "size_scale", "round_numbers")
    return {name: Settings.model_fields[name].default for name in names}


def demo_settings(settings: Settings, endpoints: Endpoints, folder: Path, synthetic: bool) -> Settings:
    """The user's settings of time and pace, with the demo's own servers, topic and folders."""
    return settings.model_copy(
        update={
            "kafka_bootstrap": endpoints.kafka_bootstrap,
            "kafka_topic": TRADES_TOPIC,
            "kafka_properties": {},
            "kafka_start": "earliest",
            "dead_letter_topic": dead_letter_topic(TRADES_TOPIC),
            "dead_letters_from": "history",
            "bars_topic": "",
            "analytics_kinds": DESK_KINDS,
            "routing_topic": ROUTING_TOPIC,
            "lp_topic": LP_TOPIC,
            "exposure_topic": EXPOSURE_TOPIC,
            "alert_rules_topic": ALERT_RULES_TOPIC,
            "alert_webhook_url": "",
            "quotes_topic": QUOTES_TOPIC,
            "quotes_format": "confluent",
            "quotes_field_map": {},
            "quote_intervals": QUOTE_INTERVALS,
            "schema_registry_url": "",
            "schema_registry_properties": {},
            "value_format": "confluent",
            "field_map": {},
            **plain_words(),
            "source_epoch": 0,
            "dedupe": True if synthetic else settings.dedupe,
            "clickhouse_dsn": endpoints.clickhouse_dsn,
            "redis_url": endpoints.redis_url,
            "recovery_dir": folder / "recovery",
            "log_format": "json",
        }
    )


def run_demo(plan: DemoPlan, settings: Settings, console: Console) -> DemoOutcome:
    """Everything from the first server to the proof. Raises DemoFailed, or what the servers' start raises."""
    parent = settings.data_dir / "demo"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=time.strftime("%Y%m%d-%H%M%S-"))).resolve()
    except OSError as error:
        raise SettingError(
            f"can't write there: {error.strerror}", where=str(parent), mend="set TAPEFLOW_DATA_DIR"
        ) from error
    drop_old_runs(parent)
    with ExitStack() as cleanup:
        outcome = _Demo(plan, settings, console, folder, cleanup).run()
    if outcome.holds:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"Data and logs are kept in {folder}", soft_wrap=True)
    return outcome


def drop_old_runs(parent: Path) -> None:
    """Remove what failed or killed runs left, except the newest three and those that still run."""
    for folder in sorted(each for each in parent.iterdir() if each.is_dir())[:-RUNS_KEPT]:
        if not in_use(folder / "stack"):
            shutil.rmtree(folder, ignore_errors=True)


class _Demo:
    """One run; ``cleanup`` is unwound whatever happens."""

    def __init__(self, plan: DemoPlan, settings: Settings, console: Console, folder: Path, cleanup: ExitStack) -> None:
        self._plan = plan
        self._settings = settings
        self._console = console
        self._folder = folder
        self._cleanup = cleanup
        self._flows: dict[str, FlowProcess] = {}
        self._view = DemoView(console, plan.describe(), plan.seconds)

    def run(self) -> DemoOutcome:
        self._view.say("starting Kafka, ClickHouse and Redis")
        stack = self._stack = self._cleanup.enter_context(Stack(self._folder / "stack"))
        assert stack.endpoints is not None
        settings = demo_settings(self._settings, stack.endpoints, self._folder, self._plan.is_synthetic)
        names = (*FLOWS, *(DESK_FLOWS if self._plan.has_desk else ()), *((QUOTES,) if self._plan.has_quotes else ()))
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        targets = tuple(f"{name}=http://127.0.0.1:{port}/metrics" for name, port in ports.items())
        settings = settings.model_copy(update={"gateway_flows": targets})
        self._prepare(settings)
        self._view.say("starting the flows (kernels that aren't compiled yet take half a minute)")
        gateway = self._start_gateway(settings)
        compile_kernels()
        self._start_flows(settings, ports)
        gateway.follow()
        addresses, symbol = gateway.processes.addresses, first_symbol(self._plan, settings)
        self._view.offer(addresses.page, addresses.pasted(symbol))
        quotes = DemoQuotes(settings, self._plan.partitions) if self._plan.has_quotes else None
        producer = DemoProducer(self._plan, settings, *(() if quotes is None else (quotes.send,)))
        asked = self._end_on_signals(producer.ended)
        began = time.monotonic()
        producer.start()
        desk = self._start_desk(settings, ports, addresses.rest, symbol) if self._plan.has_desk else None
        if quotes is not None:
            self._start_flow(QUOTES, settings, ports)
        with self._view:
            while not producer.ended.wait(LOOK_S):
                self._look(began, producer.sent)
                if self._plan.seconds is not None and time.monotonic() - began >= self._plan.seconds:
                    break
            sent = producer.finish()
            took_s = time.monotonic() - began
            figures = self._catch_up(began, sent)
            if self._console.is_terminal and self._plan.seconds is None and not asked.is_set():
                self._view.say("all of it is sent; the page stays until Ctrl-C")
                while not asked.wait(LOOK_S):
                    self._look(began, sent)
            of_desk = self._end_desk(desk, settings, began, sent)
            quotes_sent = 0 if quotes is None else self._end_quotes(quotes)
        self._view.say(f"{sent:,} records sent in {took_s:.1f} s and read by all flows; stopping them")
        codes = {name: flow.stop(STOP_S) for name, flow in self._flows.items()}
        client = gateway.verdict()
        codes["gateway"] = gateway.stop()
        with shown_progress(self._console, "proving", "records") as progress:
            proof = prove(settings, sent, figures, progress.update, self._plan.prove_max, of_desk)
        of_quotes = () if quotes is None else (prove_quotes(settings, quotes_sent),)
        proof = replace(proof, checks=(*proof.checks, *of_quotes, client))
        return DemoOutcome(self._plan, took_s, sent, figures, codes, proof)

    def _start_gateway(self, settings: Settings) -> DemoGateway:
        log = self._cleanup.enter_context((self._logs() / "gateway.log").open("ab"))
        gateway = DemoGateway(settings, log)
        self._cleanup.callback(gateway.kill)
        gateway.start()
        return gateway

    def _prepare(self, settings: Settings) -> None:
        client = connect_clickhouse(settings.clickhouse_dsn)
        try:
            migrate(client, settings.clickhouse_database)
        finally:
            client.disconnect()
        ensure_topic(settings.kafka_bootstrap, settings.kafka_topic, self._plan.partitions)
        ensure_topic(settings.kafka_bootstrap, settings.dead_letter_topic, 1)

    def _logs(self) -> Path:
        folder = self._folder / "logs"
        folder.mkdir(exist_ok=True)
        return folder

    def _start_flows(self, settings: Settings, ports: Mapping[str, int]) -> None:
        for name in FLOWS:
            self._start_flow(name, settings, ports)
        deadline = time.monotonic() + FLOW_START_S
        while not all(self._answers(flow) for flow in self._flows.values()):
            self._check_flows()
            if time.monotonic() > deadline:
                raise DemoFailed(f"the flows didn't start within {FLOW_START_S:g} s", where=str(self._logs()))
            time.sleep(LOOK_S)

    def _start_flow(self, name: str, settings: Settings, ports: Mapping[str, int]) -> None:
        log = self._cleanup.enter_context((self._logs() / f"{name}.log").open("ab"))
        flow = FlowProcess(name, settings.model_copy(update={"metrics_port": ports[name]}), log=log)
        self._flows[name] = flow
        self._cleanup.callback(flow.kill)
        flow.start()

    def _start_desk(self, settings: Settings, ports: Mapping[str, int], rest: str, symbol: str) -> DemoDesk:
        """Its flows and what it sends; nobody waits for them here."""
        ensure_desk_topics(settings)
        for name in DESK_FLOWS:
            self._start_flow(name, settings, ports)
        others = symbol_names(self._plan.symbols)[1:] if self._plan.is_synthetic else []
        desk = DemoDesk(settings, rest, [symbol, *others], lambda: self._desk_figures().looked_at > 0)
        desk.start()
        return desk

    def _desk_figures(self) -> DeskFigures:
        """At zero where its flows don't run, or not yet."""
        return desk_figures(*(self._flows[name].metrics() for name in DESK_FLOWS if name in self._flows))

    def _end_desk(self, desk: DemoDesk | None, settings: Settings, began: float, sent: int) -> DeskMade | None:
        """What the desk made, once its flows have read it all."""
        if desk is None:
            return None
        made = DeskMade(desk.finish(), desk.rules_made)
        self._catch_up_desk(settings, began, (sent, sum(made.sent.values()), made.rules))
        return made

    def _end_quotes(self, quotes: DemoQuotes) -> int:
        """How many were sent, once the flow has read them all."""
        sent, deadline = quotes.finish(), time.monotonic() + CATCH_UP_S
        while (read := quotes_read(self._flows[QUOTES].metrics())) < sent:
            self._check_flows()
            if time.monotonic() > deadline:
                raise DemoFailed(f"the quotes flow stands still at {read} of {sent} quotes")
            time.sleep(LOOK_S)
        return sent

    def _answers(self, flow: FlowProcess) -> bool:
        return any(name == "tapeflow_symbols" for name, _ in flow.metrics())

    def _check_flows(self) -> None:
        for name, flow in self._flows.items():
            code = flow.poll()
            if code is not None:
                log = self._folder / "logs" / f"{name}.log"
                last = log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
                self._console.print("\n".join(last), style="dim", markup=False, highlight=False)
                raise DemoFailed(f"the flow {name} ended by itself with {code}", where=str(log))

    def _look(self, began: float, sent: int) -> dict[str, Figures]:
        self._check_flows()
        for name in self._stack.look():
            raise DemoFailed(f"{name} ended by itself", where=str(self._stack.server(name).log_file))
        figures = {name: figures_of(self._flows[name].metrics()) for name in FLOWS}
        desk = self._desk_figures() if self._plan.has_desk else None
        self._view.show(Moment(time.monotonic() - began, sent, figures, desk))
        return figures

    def _catch_up(self, began: float, sent: int) -> dict[str, Figures]:
        """Figures of the moment at which both flows have read all that was sent."""
        progressed_at, read_before = time.monotonic(), -1
        while True:
            figures = self._look(began, sent)
            read = sum(each.records for each in figures.values())
            if all(each.records >= sent and each.lag == 0 for each in figures.values()):
                return figures
            if read > read_before:
                progressed_at, read_before = time.monotonic(), read
            elif time.monotonic() - progressed_at > CATCH_UP_S:
                raise DemoFailed(f"the flows stand still at {read} of {sent * len(figures)} records")
            time.sleep(LOOK_S)

    def _catch_up_desk(self, settings: Settings, began: float, made: tuple[int, int, int]) -> None:
        """Until the desk's flows have read all that was sent: trades, records of the desk, rules."""
        sent, desk_sent, rules = made
        deadline = time.monotonic() + CATCH_UP_S
        while True:
            now = self._desk_figures()
            is_read = now.read >= desk_sent and not now.lag and now.looked_at >= sent
            if is_read and len(read_armings(settings).rules) >= rules:
                return
            if time.monotonic() > deadline:
                raise DemoFailed(f"the desk's flows stand still at {now}; made were {made}")
            self._look(began, sent)
            time.sleep(LOOK_S)

    def _end_on_signals(self, ended: threading.Event) -> threading.Event:
        """The first Ctrl-C ends the sending, and sets what is returned; another one ends the demo."""
        asked, signals = threading.Event(), 0

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            nonlocal signals
            signals += 1
            if signals > 1:
                raise KeyboardInterrupt
            # By another thread: this one may be inside a wait for the very event, and hold its lock.
            for event in (asked, ended):
                threading.Thread(target=event.set).start()

        for number in (signal.SIGINT, signal.SIGTERM):
            self._cleanup.callback(signal.signal, number, signal.signal(number, on_signal))
        return asked
