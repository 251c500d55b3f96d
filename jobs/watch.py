"""The screen of ``tapeflow watch``: a table of the symbols followed on a terminal, one line per message elsewhere.

Takes what a Follower holds and shows price, change, spread, rate, age, gaps. It shows and never decides; without it
nothing changes. Age is arrival less the trade's own time, so it holds the venue's delay and both clocks' error; the
round trip beside it is the connection alone.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobs.follow import Followed, Follower

__all__ = ["WatchView", "message_line", "watch_symbols"]

REFRESH_S: Final = 0.25
RATE_OVER_S: Final = 3.0
AGE_SHOWN_MAX_MS: Final = 86_400_000.0
"""Older is a recording or a made-up market, whose age says nothing."""
COLUMNS: Final = ("price", "change %", "bid", "ask", "volume", "updates", "age ms", "p99 ms", "gaps", "sequence")


class WatchView:
    """``render`` is one frame of the terminal's table."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._counted: deque[tuple[float, int]] = deque()
        self._last: dict[str, Any] = {}

    def render(self, now_s: float) -> RenderableType:
        follower = self._follower
        self._counted.append((now_s, follower.messages))
        while len(self._counted) > 2 and now_s - self._counted[0][0] > RATE_OVER_S:
            self._counted.popleft()
        since_s, before = self._counted[0]
        rate = (follower.messages - before) / (now_s - since_s) if now_s > since_s else 0.0
        state = ("connected", "green") if follower.connected else ("reconnecting", "bold yellow")
        head = Text.assemble(
            ("tapeflow watch", "bold cyan"), f"   {follower.url}   ", state,
            (f"   round trip {follower.round_trip_ms:.1f} ms   {rate:,.0f} messages/s"
             f"   {follower.gaps} gaps   {max(follower.connects - 1, 0)} reconnects", "dim"),
        )  # fmt: skip
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("symbol")
        for name in COLUMNS:
            table.add_column(name, justify="right")
        for symbol, followed in follower.symbols.items():
            table.add_row(Text(symbol, style="bold"), *self._cells(symbol, followed))
        problems = [Text(each, style="yellow") for each in follower.problems]
        return Padding(Group(head, Text(), table, Text(), *problems), (1, 2))

    def _cells(self, symbol: str, followed: Followed) -> list[Text]:
        fields = followed.fields
        if not fields:
            return [Text("no trade yet", style="dim")]
        price, before = fields["price"], self._last.get(symbol, fields["price"])
        self._last[symbol] = price
        direction = "green" if price > before else "red" if price < before else ""
        change = fields.get("changePercent")
        plain = [fields.get("bid"), fields.get("ask"), fields.get("volume"), followed.snapshots + followed.deltas]
        return [
            Text(_number(price), style=direction),
            Text("–" if change is None else f"{change:+}", style="green" if (change or 0) >= 0 else "red"),
            *(Text(_number(each)) for each in plain),
            *(Text(each, style="dim") for each in ages(followed)),
            Text(str(followed.gaps), style="bold red" if followed.gaps else "dim"),
            Text(str(followed.sequence), style="dim"),
        ]


def ages(followed: Followed) -> tuple[str, str]:
    """Median and p99 of the last ages, in ms; a dash where they say nothing."""
    found = sorted(followed.ages_ms)
    if not found or abs(median(found)) > AGE_SHOWN_MAX_MS:
        return "–", "–"
    return f"{median(found):,.0f}", f"{found[int(0.99 * (len(found) - 1))]:,.0f}"


def message_line(message: Mapping[str, Any], now_ms: float) -> str:
    """One message for a log: time of arrival, type, symbol, and each field."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    rest = {name: value for name, value in message.items() if name not in ("type", "symbol")}
    fields = " ".join(f"{name}={'null' if value is None else value}" for name, value in rest.items())
    return " ".join(filter(None, (at, str(message.get("type")), str(message.get("symbol", "")), fields)))


async def watch_symbols(
    follower: Follower, console: Console, seconds: float | None, *, reader_is_gone: Callable[[], bool]
) -> None:
    """Follow and show for ``seconds`` (None: until cancelled), or until nobody reads what it writes.

    Raises what the Follower's ``run`` raises.
    """
    following = asyncio.create_task(follower.run())
    ends_s = None if seconds is None else time.monotonic() + seconds
    view = WatchView(follower)
    with Live(console=console, auto_refresh=False) if console.is_terminal else contextlib.nullcontext() as live:
        while not (following.done() or reader_is_gone()) and (ends_s is None or time.monotonic() < ends_s):
            if live is not None:
                live.update(view.render(time.monotonic()), refresh=True)
            left_s = REFRESH_S if ends_s is None else min(REFRESH_S, max(ends_s - time.monotonic(), 0))
            await asyncio.wait([following], timeout=left_s)
    if not following.done():
        following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,f}" if not isinstance(value, int) else f"{value:,}"
