"""How far a long piece of work is, and how long it will take: a bar on a terminal, a line every ten seconds elsewhere.

Verbs open it around their work and tell it what is done. The time left goes by the share that is done and the time that
it took, so it needs no more than that. Nothing is shown of work that ends within the first ten seconds in a log.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["LINE_S", "WorkProgress", "shown_progress"]

LINE_S: Final = 10.0
_STEPS: Final = 1_000
"""Of a bar: shares are told in thousandths."""


class WorkProgress:
    """``verb``: what is being done, such as ``reading``; ``unit``: of what, in the plural."""

    def __init__(
        self,
        console: Console,
        verb: str,
        unit: str,
        bar: Progress | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._verb = verb
        self._unit = unit
        self._bar = bar
        self._task = bar.add_task(verb, total=None) if bar is not None else None
        self._clock = clock
        self._began = self._said = clock()
        self._first = self._last = 0

    def resume(self, done: int) -> None:
        """So much was done before: it is no part of the pace."""
        self._first, self._began = done, self._clock()

    def update(self, done: int, total: int | None = None, share: float | None = None) -> None:
        """``done`` of ``total`` units; ``share`` (0 to 1) where the total isn't known but the way is.

        A ``done`` below the one before is a second pass, which begins anew.
        """
        if done < self._last:
            self.resume(done)
        self._last = done
        share = done / total if total and share is None else share
        took_s = max(self._clock() - self._began, 1e-3)
        if self._bar is not None and self._task is not None:
            steps = None if share is None else _STEPS
            self._bar.update(
                self._task, total=steps, completed=(share or 0.0) * _STEPS, description=self._words(done, total, took_s)
            )
        elif self._clock() - self._said >= LINE_S:
            self._said = self._clock()
            self._console.print(self._line(done, total, share, took_s), soft_wrap=True, markup=False)

    def _words(self, done: int, total: int | None, took_s: float) -> str:
        of = f" of {total:,}" if total else ""
        return f"{self._verb} {done:,}{of} {self._unit}, {(done - self._first) / took_s:,.0f}/s"

    def _line(self, done: int, total: int | None, share: float | None, took_s: float) -> str:
        words = self._words(done, total, took_s)
        here = (done - self._first) / done if done else 0.0
        if not share or not here:
            return words
        left_s = took_s * (1.0 - share) / (share * here)
        return f"{words}, {share:.0%}, about {_duration(left_s)} left"


@contextmanager
def shown_progress(console: Console, verb: str, unit: str) -> Iterator[WorkProgress]:
    """Shows work on ``console`` while the block runs; the bar goes away with it."""
    if not console.is_terminal:
        yield WorkProgress(console, verb, unit)
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, transient=True,
    ) as bar:  # fmt: skip
        yield WorkProgress(console, verb, unit, bar)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
