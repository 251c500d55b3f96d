"""The demo's screen: a quiet table that redraws in place on a terminal, one line every two seconds elsewhere.

Takes Moments (what was sent, what each flow's metrics say) and shows rates over the last seconds. It shows and never
decides; leaving it out changes nothing. Numbers keep their columns, so that only digits move.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.desk import DeskFigures
from demo.figures import OUTCOMES, Figures
from runtime.quantiles import quantile_ms

__all__ = ["DemoView", "Moment"]

WINDOW_S: Final = 3.0
PLAIN_EVERY_S: Final = 2.0
RATE_OVER_S: Final = 0.2
"""Over less than this a rate says more about the scheduler than about the flow."""
BLOCKS: Final = "▁▂▃▄▅▆▇█"
SPARK_POINTS: Final = 48
REFRESH_HZ: Final = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """State at ``at_s`` seconds since the demo began."""

    at_s: float
    sent: int
    flows: Mapping[str, Figures]
    desk: DeskFigures | None = None


class DemoView:
    """Use as a context manager; give it Moments by ``show`` and single remarks by ``say``."""

    def __init__(self, console: Console, title: str, seconds: float | None) -> None:
        self._console = console
        self._title = title
        self._seconds = seconds
        self._moments: deque[Moment] = deque()
        self._rates: deque[float] = deque(maxlen=SPARK_POINTS)
        self._plain_at_s = -PLAIN_EVERY_S
        self._page = ""
        self._live = Live(console=console, refresh_per_second=REFRESH_HZ) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self._console.print(Text(text, style="dim"), soft_wrap=True)

    def offer(self, page: str, lines: Iterable[str]) -> None:
        """The one address to open; below it, small, ``lines`` for another terminal."""
        self._page = page
        self._console.print(
            Text.assemble("\n  Open in a browser:  ", (page, "bold underline cyan"), "\n"), soft_wrap=True
        )
        self.say("  or paste into another terminal:")
        for line in lines:
            self.say(f"  {line}")

    def show(self, moment: Moment) -> None:
        while len(self._moments) > 1 and moment.at_s - self._moments[0].at_s > WINDOW_S:
            self._moments.popleft()
        before = self._moments[0] if self._moments else moment
        self._moments.append(moment)
        self._rates.append(_rate(before.sent, moment.sent, before, moment))
        if self._live is not None:
            self._live.update(self._screen(before, moment))
        elif moment.at_s - self._plain_at_s >= PLAIN_EVERY_S:
            self._plain_at_s = moment.at_s
            self._console.print(self._line(before, moment), soft_wrap=True, highlight=False)

    def _screen(self, before: Moment, now: Moment) -> RenderableType:
        clock = f"{now.at_s:5.0f} s" + (f" of {self._seconds:g}" if self._seconds else "   Ctrl-C ends it")
        head = Text.assemble(("tapeflow demo", "bold cyan"), f"   {self._title}   ", (clock, "dim"))
        page = Text.assemble("open  ", (self._page, "bold underline cyan"))
        spark = Text.assemble(
            (f"{self._rates[-1]:>9,.0f}", "bold"), " records/s sent  ", (sparkline(self._rates), "cyan")
        )
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
        table.add_column("flow")
        for name in ("trades/s", "read", "lag", "symbols", "bars closed", "p50 ms", "p99 ms"):
            table.add_column(name, justify="right", min_width=9)
        for name, figures in now.flows.items():
            past = before.flows.get(name, Figures())
            rate = _rate(past.records, figures.records, before, now)
            quantiles = (quantile_ms(figures.buckets, share, past.buckets) for share in (0.5, 0.99))
            table.add_row(
                Text(name, style="bold"), f"{rate:,.0f}", f"{figures.records:,}", f"{figures.lag:,}",
                f"{figures.symbols:,}", f"{figures.bars_final:,}", *(_ms(each) for each in quantiles),
            )  # fmt: skip
        newest = max(now.flows.values(), key=lambda each: each.records, default=Figures())
        parts: list[RenderableType] = [
            head,
            page,
            Text(),
            spark,
            Text(),
            table,
            Text(),
            _outcomes(newest),
            _rejects(newest),
            *([Text(_desk(now.desk), style="dim")] if now.desk else ()),
        ]
        return Padding(Group(*parts), (1, 2))

    def _line(self, before: Moment, now: Moment) -> str:
        parts = [f"{now.at_s:4.0f} s  sent {now.sent:,} ({self._rates[-1]:,.0f}/s)"]
        for name, figures in now.flows.items():
            past = before.flows.get(name, Figures())
            quantiles = [quantile_ms(figures.buckets, share, past.buckets) for share in (0.5, 0.99)]
            latency = f" p50/p99 {_ms(quantiles[0])}/{_ms(quantiles[1])} ms" if quantiles[0] is not None else ""
            parts.append(
                f"{name} {figures.records:,} ({_rate(past.records, figures.records, before, now):,.0f}/s)"
                f" lag {figures.lag:,} bars {figures.bars_final:,} rejected {figures.outcome('rejected'):,}{latency}"
            )
        return " | ".join([*parts, *([_desk(now.desk)] if now.desk else ())])


def sparkline(values: deque[float]) -> str:
    """One block per value, from nothing to the highest."""
    top = max(values, default=0.0)
    if top <= 0:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[min(int(value / top * len(BLOCKS)), len(BLOCKS) - 1)] for value in values)


def _rate(past: int, count: int, before: Moment, now: Moment) -> float:
    took_s = now.at_s - before.at_s
    return (count - past) / took_s if took_s >= RATE_OVER_S else 0.0


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _desk(figures: DeskFigures) -> str:
    return f"desk {figures.read:,} lag {figures.lag:,}, {figures.rules} rules fired {figures.fired}"


def _outcomes(figures: Figures) -> Text:
    text = Text()
    styles = {"applied": "green", "duplicate": "dim", "late": "yellow", "rejected": "red"}
    for name in OUTCOMES:
        text.append(f"{figures.outcome(name):,}", style=styles[name]).append(f" {name}   ")
    return text


def _rejects(figures: Figures) -> Text:
    found = sorted(figures.rejects.items(), key=lambda each: -each[1])
    return Text("   ".join(f"{reason} {count:,}" for reason, count in found), style="dim")
