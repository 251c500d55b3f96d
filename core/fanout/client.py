"""One connected client as the hub sees it: its rooms, what it still has to get, and its budgets.

Sessions create it, the hub alone changes it. Nothing here is a socket: ``held`` says that the transport is full.
Everything that waits for a client is bounded. The state of a room is not kept per client: a client that fell behind
gets the room's newest state. So only final bars, alerts and channel messages wait, in ``backlog``.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.fanout.dialect import Variant
from core.fanout.messages import BarMessage, ChannelMessage

if TYPE_CHECKING:
    from core.fanout.rooms import Room

__all__ = ["HELD_BY_BUDGET", "HELD_BY_TRANSPORT", "Client", "HubLimits", "TokenBucket"]

HELD_BY_TRANSPORT: Final = 1
HELD_BY_BUDGET: Final = 2


@dataclass(frozen=True, slots=True)
class HubLimits:
    """What one client may cost. The first three are the tuning profile."""

    batch_max: int = 50
    flush_ms: int = 16
    buffer: int = 256
    out_per_s: int = 1000
    in_per_s: int = 50
    symbols_max: int = 1000
    bars_max: int = 1000
    bar_update_ms: int = 1000
    slow_ms: int = 10_000
    catch_up_bytes: int = 65_536
    replies_max: int = 64
    history_bytes: int = 64_000_000
    resume_wait_ms: int = 2_000
    reload_ms: int = 250
    paused_max: int = 10_000


class TokenBucket:
    """``rate`` per second, ``burst`` at once; time is passed in. Refilled only when it runs out."""

    __slots__ = ("burst", "left", "rate_per_ms", "refilled_ms")

    def __init__(self, rate_per_s: float, burst: float, now_ms: int) -> None:
        self.rate_per_ms, self.burst, self.left, self.refilled_ms = rate_per_s / 1000, burst, burst, now_ms

    def take(self, cost: float, now_ms: int) -> bool:
        """False when the bucket is empty; the cost is then not taken."""
        if self.left < cost:
            self.refill(now_ms)
            if self.left < cost:
                return False
        self.left -= cost
        return True

    def refill(self, now_ms: int) -> None:
        self.left = min(self.burst, self.left + (now_ms - self.refilled_ms) * self.rate_per_ms)
        self.refilled_ms = now_ms


class Client:
    """Made by a session. ``may_see`` and ``may_join`` come from its token."""

    __slots__ = (
        "backlog",
        "budget",
        "client_id",
        "connected_ms",
        "gone",
        "held",
        "held_since_ms",
        "inbound",
        "lags",
        "may_join",
        "may_see",
        "out",
        "owed",
        "refilled_ms",
        "replies",
        "resume_until_ms",
        "rooms",
        "sink",
        "symbols",
        "user_id",
        "variant",
    )

    def __init__(
        self,
        client_id: str,
        variant: Variant,
        now_ms: int,
        limits: HubLimits,
        *,
        user_id: str = "",
        may_see: Callable[[str], bool] = lambda _symbol: True,
        may_join: Callable[[str], bool] = lambda _channel: True,
        sink: Any = None,
    ) -> None:
        self.client_id, self.variant, self.user_id = client_id, variant, user_id
        self.may_see, self.may_join = may_see, may_join
        self.sink = sink  # whatever the session wants to find again in what ``flush`` returns
        self.connected_ms = now_ms
        self.rooms: dict[Room, int] = {}  # room → how many bars the client asked for
        self.symbols: dict[str, int] = {}  # symbol → rooms of this client that need it
        self.lags: dict[Room, int] = {}  # rooms whose newest state it hasn't got; see rooms for the values
        self.owed: dict[Room, int] = {}  # bar room that starts again → oldest bar (start ms) it may lack
        self.out: list[bytes] = []  # frames of the flush under way
        self.backlog: deque[tuple[Room, BarMessage | ChannelMessage]] | None = None
        self.replies: list[bytes] | None = None
        self.held = 0
        self.held_since_ms = 0
        self.gone = False
        self.resume_until_ms = 0  # until then a gateway that is behind the client's sequence waits to catch up with it
        self.budget: float = limits.out_per_s
        self.refilled_ms = now_ms
        self.inbound = TokenBucket(limits.in_per_s, 4 * limits.in_per_s, now_ms)

    def refill(self, now_ms: int, limits: HubLimits) -> bool:
        """Puts the tokens of the time gone by into the outbound budget; True when it is above zero again."""
        earned = (now_ms - self.refilled_ms) * limits.out_per_s / 1000
        self.budget = min(float(limits.out_per_s), self.budget + earned)
        self.refilled_ms = now_ms
        return self.budget >= 0
