"""One connected client as the hub sees it, and what every room knows of its members; the two hold each other.

Sessions create clients, the hub alone changes them. Nothing here is a socket: ``held`` says that the transport is full.
Everything that waits for a client is bounded. A room keeps no queue per client: a member is in ``audience`` (has all up
to the last flush) or in ``lagging`` (gets the newest state in one piece), so a slow client costs no memory there. Only
final bars, alerts and channel messages wait for a client, in ``backlog``.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from core.fanout.dialect import RoomKey, Variant
from core.fanout.messages import BarMessage, ChannelMessage
from schemas.token_bucket import TokenBucket

__all__ = [
    "FRESH",
    "HELD",
    "HELD_BY_BUDGET",
    "HELD_BY_TRANSPORT",
    "WAITING",
    "Client",
    "HubLimits",
    "Room",
]

HELD_BY_TRANSPORT: Final = 1
HELD_BY_BUDGET: Final = 2
# Values of Client.lags; a value >= 0 is the sequence from which the client resumes.
FRESH: Final = -1  # needs a snapshot, or the initial bars
WAITING: Final = -2  # as FRESH, and has been told that there is nothing yet
HELD: Final = -3  # fell behind: its backlog first, then the newest state


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
        self.lags: dict[Room, int] = {}  # rooms whose newest state it hasn't got
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


class Room:
    """What all rooms have. ``shard`` is the stream that feeds it, -1 while unknown."""

    __slots__ = ("audience", "key", "lagging", "load_at_ms", "loading", "ready", "shard", "written_ms")

    def __init__(self, key: RoomKey) -> None:
        self.key = key
        self.audience: dict[Variant, dict[Client, None]] = {}
        self.lagging: dict[Client, None] = {}
        self.ready = False
        self.loading = False
        self.load_at_ms = 0
        self.shard = -1
        self.written_ms = 0  # the flow's time of the oldest message that waits for the flush; 0 for none

    @property
    def members(self) -> int:
        return len(self.lagging) + sum(map(len, self.audience.values()))

    def everyone(self) -> list[Client]:
        return [*self.lagging, *(client for members in self.audience.values() for client in members)]

    def admit(self, client: Client) -> None:
        """The client has everything up to the last flush."""
        self.lagging.pop(client, None)
        client.lags.pop(self, None)
        if not client.lags:
            client.lags.clear()  # an empty dict would keep its table
        self.audience.setdefault(client.variant, {})[client] = None

    def fall_behind(self, client: Client, lag: int) -> None:
        self.remove(client)
        self.lagging[client] = None
        client.lags[self] = lag

    def remove(self, client: Client) -> None:
        audience = self.audience.get(client.variant)
        if audience is not None:
            audience.pop(client, None)
            if not audience:
                del self.audience[client.variant]
        self.lagging.pop(client, None)
        client.lags.pop(self, None)

    def discard_pending(self) -> None:
        """Forgets what waits for the flush: every member is about to get the whole state."""
        raise NotImplementedError
