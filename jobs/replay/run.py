"""One replay from request to account: plans it, runs its workers, and does with the bars what was asked.

``tapeflow replay`` calls it. Everything that the user can mend is found before a worker starts. A replay that didn't
end keeps its folder, by which the same request goes on where it stopped; one that ended leaves nothing behind. Bars for
a file or a comparison are gathered on disk by the workers first, so that both are as resumable as writing to ClickHouse
is.
"""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from connectors.kafka.questions import TopicQuestions
from core.bars.rules import Rules, unjudged_note
from flows.reading import read_options, rules_of
from flows.replay_plan import PLAN_FILE, Plan, Request, load_plan, make_plan, save_plan
from flows.replay_progress import PartitionProgress, read_progress
from jobs.replay.clickhouse_table import check_bar_table, stored_bars
from jobs.replay.diff import Changes, add_changes
from processes.recovery_access import check_private, open_private
from processes.runner import FlowProcess
from runtime.settings.clickhouse import ClickHouseSettings
from runtime.settings.whole import Settings
from schemas.columns import BarBatch
from schemas.errors import InputError, StateIncompatible, TapeflowError
from schemas.intervals import INTERVALS
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import make_bar_table
from sinks.files import BarTable
from sinks.spool import spooled_bars

__all__ = ["Account", "Replay", "check_table"]

LOOK_EVERY_S: Final = 0.2
SYMBOLS_AT_ONCE: Final = 200
LOG: Final = "workers.log"


class Account(PartitionProgress):
    """All partitions added up; ``partition`` and ``next_offset`` mean nothing here."""

    def __str__(self) -> str:
        return (
            f"{self.read} read = {self.applied} applied + {self.duplicate} duplicate + {self.late} late + "
            f"{self.rejected} rejected{unjudged_note(self.unjudged)}; {self.bars} versions of bars, "
            f"{self.repaired} of them with late trades, "
            f"{self.open} still open and {self.cut} cut by the range: left out"
        )


def check_table(settings: ClickHouseSettings, table: str, *, may_make: bool = False) -> None:
    """Raises what makes ``table`` unfit for bars, or ClickHouse out of reach. ``may_make``: it is made if absent."""
    client = connect(settings.clickhouse_dsn)
    try:
        if may_make:
            make_bar_table(client, table)
        check_bar_table(client, table)
    finally:
        client.disconnect()


class Replay:
    """A request under settings. ``resumed``: it was begun before and goes on."""

    def __init__(self, settings: Settings, request: Request, processes: int = 1) -> None:
        self.folder = settings.recovery_dir / f"replay-{request.identity(settings)}"
        self.resumed = self.folder.is_dir() and any(self.folder.iterdir())
        self._settings, self._processes = settings, processes
        FlowProcess("replay", self._worker_settings(), processes)  # refuses a number of processes that can't be
        if self.resumed:
            check_private(self.folder)
            self.plan = load_plan(self.folder)
            self._check_topic(request)
        else:
            self.plan = make_plan(request, settings)
            open_private(settings.recovery_dir, self.folder)
            save_plan(self.plan, self.folder)

    def run(self, progress: Callable[[int], None]) -> Account:
        """Read the range; ``progress`` is told the records done so far. A KeyboardInterrupt stops it, to be resumed.

        Raises the line that a worker ended with, and InputError when the range holds none of the symbols asked for.
        """
        with (self.folder / LOG).open("wb") as log:
            run = FlowProcess("replay", self._worker_settings(), self._processes, log)
            run.start()
            try:
                while run.poll() is None:
                    progress(self.done)
                    time.sleep(LOOK_EVERY_S)
            except KeyboardInterrupt:
                run.stop()
                raise
            code = run.end_after_failure()
        if code:
            raise self._failure(code, run.line)
        progress(self.done)
        account = self._account()
        if not account.done:
            raise InputError("the replay was stopped", where=str(self.folder), mend="run it again to go on")
        if self.plan.symbols and not account.symbols:
            self.forget()
            raise InputError(
                f"topic {self.plan.topic} holds no valid trade of {', '.join(self.plan.symbols)} in that range",
                where="--symbols",
                mend="name symbols as the trades spell them",
            )
        return account

    def write(self, path: str) -> int:
        """The gathered bars as a file; gives their number."""
        table = BarTable(self.plan.intervals)
        for bars in self._gathered():
            table.add(BarBatch(bars.symbols, bars.rows[bars.rows["final"] == 1]))
        return table.write(path)

    def compare(self, table: str) -> Changes:
        """The gathered bars against those of ``table``."""
        changes, rules = Changes(), rules_of(self._settings)
        client = connect(self._settings.clickhouse_dsn)
        names = [INTERVALS[index].name for index in self.plan.intervals]
        try:
            for partition, bars in zip(self.plan.whole_from_us, self._gathered(), strict=True):
                for part in _by_symbols(replace(bars, partition=partition)):
                    symbols = sorted({part.symbols[index] for index in part.rows["symbol"].tolist()})
                    starts_us = part.rows["start_us"]
                    stored = stored_bars(client, table, symbols, names, int(starts_us.min()), int(starts_us.max()))
                    add_changes(changes, part, stored, _sequences(self.plan, partition, rules), self.plan.ends_us_max)
        finally:
            client.disconnect()
        return changes

    def forget(self) -> None:
        """It is done: the same request begins anew next time."""
        shutil.rmtree(self.folder)

    def _gathered(self) -> Iterable[BarBatch]:
        return (spooled_bars(self.folder, partition) for partition in self.plan.whole_from_us)

    def _worker_settings(self) -> Settings:
        changes = {"recovery_dir": self.folder.absolute(), "metrics_port": 0, "cluster_addresses": ()}
        return self._settings.model_copy(update=changes)

    def _check_topic(self, request: Request) -> None:
        if self.plan.identity != request.identity(self._settings):
            raise StateIncompatible(
                "the folder holds another replay", where=str(self.folder / PLAN_FILE), mend="move it away"
            )
        with TopicQuestions(read_options(self._settings)) as questions:
            facts = questions.facts()
        if self.plan.topic_id and facts.topic_id and self.plan.topic_id != facts.topic_id:
            raise StateIncompatible(
                f"topic {facts.topic} was re-created since the replay began", where=str(self.folder), mend="remove it"
            )

    def _partitions(self) -> list[PartitionProgress]:
        found = (read_progress(self.folder, partition) for partition in self.plan.whole_from_us)
        return [each for each in found if each is not None]

    @property
    def done(self) -> int:
        ranges = self.plan.ranges
        return sum(
            each.next_offset - ranges[each.partition][0] if not each.done else _length(ranges[each.partition])
            for each in self._partitions()
        )

    def _account(self) -> Account:
        total, parts = Account(-1, 0, done=True), self._partitions()
        for each in parts:
            for name in (
                "read",
                "applied",
                "duplicate",
                "late",
                "rejected",
                "bars",
                "cut",
                "open",
                "repaired",
                "symbols",
                "unjudged",
            ):
                setattr(total, name, getattr(total, name) + getattr(each, name))
        # A range of holes (compacted away, or markers of transactions) has no records, so nothing is told about it.
        total.done = all(each.done for each in parts)
        return total

    def _failure(self, code: int, line: str) -> TapeflowError:
        said = line.removeprefix("tapeflow: ")
        if code == InputError.exit_code:
            return InputError(said)
        return TapeflowError(said, where=str(self.folder / LOG))


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _sequences(plan: Plan, partition: int, rules: Rules) -> range:
    first, end = plan.ranges[partition]
    return range(rules.sequence(first), rules.sequence(end))


def _by_symbols(bars: BarBatch) -> Iterable[BarBatch]:
    """Rows are sorted by symbol: some symbols at a time."""
    for first in range(0, len(bars.symbols), SYMBOLS_AT_ONCE):
        symbols = bars.rows["symbol"]
        rows = bars.rows[(symbols >= first) & (symbols < first + SYMBOLS_AT_ONCE)]
        if len(rows):
            yield replace(bars, rows=rows)
