"""Alerts about a partition's trades: a feed that is silent, ids that are skipped, crossed quotes, prices that jump.

flows.analytics_step hands in the batches that bars are made of and gives on what comes out; nothing is written but
alerts. They are a function of the log: ids are made of the record that brought one about, so a crash or a replay gives
the same again. Silence is found by the log when something comes, or before that by the clock, under the same id.
"""

from typing import Final

import numpy as np

from core.analytics.alerts import trade_alert
from core.analytics.feed_kernel import EVENT, FEED, KINDS, find_faults
from core.analytics.output import DeskOutput
from core.analytics.rules import FeedRules
from core.analytics.window_state import pack_state, unpack_state
from kernels.names import NameTable
from schemas.alert_states import OPEN, RESOLVED
from schemas.alert_stream import TRADES
from schemas.columns import NO_ID, TradeBatch
from schemas.desk import TRADE_ALERTS, DeskAlert

__all__ = ["FeedDesk", "restore_feed", "snapshot_feed"]

STALE: Final = "stale"
KIND: Final = "feed"
VERSION: Final = 1


class FeedDesk:
    """``partition`` is known from the first batch on. opened: ids of open alerts by kind and symbol."""

    def __init__(self, rules: FeedRules, partition: int = -1) -> None:
        self.rules = rules
        self.partition = partition
        self.next_offset = 0
        self.symbols = NameTable()
        self.exchanges = NameTable()
        self.feeds = np.zeros(0, FEED)
        self.opened: dict[tuple[str, str], str] = {}
        self.newest_us = -1
        """The greatest event time so far."""
        self.last_offset = -1
        """Of the last trade."""
        self._wanted = np.array([name in rules.kinds for name in TRADE_ALERTS[:KINDS]], np.uint8)

    def apply(self, batch: TradeBatch) -> DeskOutput[None]:
        """Take the next records of the partition."""
        self.partition = batch.partition
        out = DeskOutput[None]()
        if len(batch):
            alerts = [*self._silences(batch), *self._faults(batch)]
            alerts.sort(key=_by_row)
            out.alerts.extend(alert for _, alert in alerts)
            self.newest_us = max(self.newest_us, int(batch.rows["event_time_us"].max()))
            self.last_offset = int(batch.rows["offset"][-1])
        self.next_offset = batch.next_offset
        return out

    def announce(self, until_us: int) -> DeskOutput[None]:
        """The alert of a feed that has been silent until then by the clock."""
        out = DeskOutput[None]()
        end_us = self.next_end_us()
        if end_us is not None and end_us <= until_us:
            out.alerts.append(self._open((STALE, ""), self._place(self.last_offset), end_us, "clock"))
        return out

    def next_end_us(self) -> int | None:
        """When the clock may have something to announce next; None for nothing."""
        is_watched = STALE in self.rules.kinds and self.newest_us >= 0 and (STALE, "") not in self.opened
        return self.newest_us + self.rules.silence_us if is_watched else None

    def _silences(self, batch: TradeBatch) -> list[tuple[int, DeskAlert]]:
        """By row: silences that end with it, opened first where the clock didn't."""
        if STALE not in self.rules.kinds:
            return []
        times_us = batch.rows["event_time_us"]
        before_us = np.concatenate([[self.newest_us], np.maximum.accumulate(np.maximum(times_us, self.newest_us))[:-1]])
        is_silent = (times_us - before_us >= self.rules.silence_us) & (before_us >= 0)
        is_silent[0] |= (STALE, "") in self.opened
        found = []
        for row in np.flatnonzero(is_silent).tolist():
            if (STALE, "") not in self.opened:
                offset = self.last_offset if row == 0 else int(batch.rows["offset"][row - 1])
                since_us = int(before_us[row]) + self.rules.silence_us
                found.append((row, self._open((STALE, ""), self._place(offset), since_us, "log")))
            found.append((row, self._close((STALE, ""), int(times_us[row]))))
        return found

    def _faults(self, batch: TradeBatch) -> list[tuple[int, DeskAlert]]:
        """By row: faults of symbols that begin or are over with it."""
        if not self._wanted.any():
            return []
        rows = batch.rows
        symbols = self.symbols.intern(batch.text, rows["symbol_at"], rows["symbol_len"])
        exchanges = self.exchanges.intern(batch.text, rows["exchange_at"], rows["exchange_len"])
        self._grow(len(self.symbols))
        events = np.empty(KINDS * len(rows), EVENT)
        count = find_faults(
            rows, symbols, exchanges, self.feeds, self._wanted, self.rules.clear_us, float(self.rules.deviations),
            self.rules.moves_min, events,
        )  # fmt: skip
        found = []
        for event in events[:count]:
            row, symbol = int(event["row"]), self.symbols.names[event["symbol"]]
            subject, time_us = (TRADE_ALERTS[event["kind"]], symbol), int(rows["event_time_us"][row])
            if event["opens"]:
                place = self._place(int(rows["offset"][row]), int(rows["index"][row]))
                found.append((row, self._open(subject, place, time_us, "log")))
            else:
                found.append((row, self._close(subject, time_us)))
        return found

    def _open(self, subject: tuple[str, str], place: str, time_us: int, basis: str) -> DeskAlert:
        kind, symbol = subject
        self.opened[subject] = ":".join([TRADES, kind, place, *([symbol] if symbol else [])])
        return trade_alert(kind, symbol, self.opened[subject], OPEN, time_us, basis)

    def _close(self, subject: tuple[str, str], time_us: int) -> DeskAlert:
        return trade_alert(*subject, self.opened.pop(subject), RESOLVED, time_us, "log")

    def _place(self, offset: int, index: int = 0) -> str:
        return f"{self.partition}-{offset}" + (f".{index}" if index else "")

    def _grow(self, count: int) -> None:
        if count > len(self.feeds):
            fresh = np.zeros(max(count - len(self.feeds), len(self.feeds) // 2), FEED)
            fresh["highest_id"], fresh["exchange"] = NO_ID, -1
            self.feeds = np.concatenate([self.feeds, fresh])


def _by_row(found: tuple[int, DeskAlert]) -> int:
    return found[0]


def snapshot_feed(desk: FeedDesk) -> bytes:
    """State as bytes: equal states give equal bytes."""
    feeds = desk.feeds[: len(desk.symbols)]
    return pack_state(
        KIND, VERSION, desk.partition, desk.next_offset, desk.newest_us, desk.last_offset, desk.symbols.names,
        desk.exchanges.names, feeds.tobytes(), [[*subject, each] for subject, each in sorted(desk.opened.items())],
    )  # fmt: skip


def restore_feed(state: bytes, rules: FeedRules) -> FeedDesk:
    """Raises StateIncompatible for what another version wrote."""
    partition, next_offset, newest_us, last_offset, symbols, exchanges, feeds, opened = unpack_state(
        state, KIND, VERSION
    )
    desk = FeedDesk(rules, partition)
    desk.next_offset, desk.newest_us, desk.last_offset = next_offset, newest_us, last_offset
    desk.symbols, desk.exchanges = NameTable(symbols), NameTable(exchanges)
    desk.feeds = np.frombuffer(feeds, FEED).copy()
    desk.opened = {(kind, symbol): alert_id for kind, symbol, alert_id in opened}
    return desk
