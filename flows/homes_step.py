"""The step of the history flow that finds symbols in two partitions, over all of its processes, and says so for ever.

flows.history sends each symbol here once per partition, by a hash of its name, so one step sees all partitions of a
symbol. The alert that it makes goes to ClickHouse; the live flow tells the same to those who listen
(docs/adr/0022-symbol-in-two-partitions.md). It follows from the records alone: its time is that of the later of the
symbol's first trades there. A symbol that a topic which was made anew puts elsewhere is none.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec
from bytewax.operators import StatefulBatchLogic

from schemas.alert_states import OPEN
from schemas.alert_stream import TWO_PARTITIONS
from schemas.desk import DeskAlert

__all__ = ["Home", "HomesStep", "two_partitions_alert"]

SOURCE: Final = "tapeflow"


class Home(NamedTuple):
    """A partition that has trades of a symbol; first_us: event time of the first of them; epoch: of the topic."""

    symbol: str
    partition: int
    first_us: int
    epoch: int


def two_partitions_alert(symbol: str, firsts_us: dict[int, int]) -> DeskAlert:
    """In the words of the live flow. firsts_us: by partition, event time of the first trade there."""
    said = ", ".join(map(str, sorted(firsts_us)))
    return DeskAlert(
        id=f"{TWO_PARTITIONS}:{symbol}", state=OPEN, time_us=max(firsts_us.values()), severity="critical",
        category="data-quality", title="Symbol in several partitions",
        message=f"{symbol} has trades in partitions {said}: its bars lack trades", source=SOURCE,
        actions=("tapeflow rekey",), symbols=(symbol,),
    )  # fmt: skip


class HomesStep(StatefulBatchLogic[list[Home], list[DeskAlert], bytes]):
    """``state``: what a snapshot gave, None at the first start."""

    def __init__(self, state: bytes | None) -> None:
        kept: dict[str, dict[int, Any]] = {} if state is None else msgspec.msgpack.decode(state, strict=False)
        self._homes = {
            symbol: {int(partition): (first_us, epoch) for partition, (first_us, epoch) in places.items()}
            for symbol, places in kept.items()
        }

    def on_batch(self, values: list[list[Home]]) -> tuple[Iterable[list[DeskAlert]], bool]:
        found = [alert for home in chain(*values) if (alert := self._place(home)) is not None]
        return [found] if found else [], self.RETAIN

    def on_eof(self) -> tuple[Iterable[list[DeskAlert]], bool]:
        return (), self.RETAIN

    def on_notify(self) -> tuple[Iterable[list[DeskAlert]], bool]:
        return (), self.RETAIN

    def notify_at(self) -> datetime | None:
        return None

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self._homes)

    def _place(self, home: Home) -> DeskAlert | None:
        places = self._homes.setdefault(home.symbol, {})
        if home.partition in places:
            return None
        places[home.partition] = (home.first_us, home.epoch)
        firsts_us = {each: first_us for each, (first_us, epoch) in places.items() if epoch == home.epoch}
        return two_partitions_alert(home.symbol, firsts_us) if len(firsts_us) > 1 else None
