"""How many requests a client may send: one policy or several at once, each a number in a window.

Endpoints take a request of all policies together and send what is left as headers. No more than a policy's number pass
in its window, over all gateways; a request that one policy refuses is taken from none of them. Of several policies the
headers speak of the tightest: the one with the least left, and of those the one that takes longest to end. What is
left is drawn from Redis in parts, smaller ones towards the end, so that most requests cost no round trip.
Headers follow draft-ietf-httpapi-ratelimit-headers-07: RateLimit-Limit, -Remaining, -Reset and -Policy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from limits import RateLimitItem, RateLimitItemPerSecond

from gateway.rest.errors import ApiError, rate_limited
from gateway.rest.limit_counts import LimitCounts

__all__ = ["Allowance", "Held", "RequestLimits", "RequestPolicy", "policy_words"]

WINDOWS_MAX: Final = 100_000
PART_MAX: Final = 10
"""Requests drawn at once, or a thousandth of the number where that is more."""


class RequestPolicy(NamedTuple):
    """``amount`` requests in ``window_s``; 0 is no limit. ``name`` tells its counters from those of others."""

    name: str
    amount: int
    window_s: int


class Allowance(NamedTuple):
    """What a client has left of the tightest policy; ``reset_s`` counts from now. ``policies``: all that apply."""

    limit: int
    remaining: int
    reset_s: int
    policies: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
            (b"ratelimit-policy", self.policies),
        ]


@dataclass(slots=True)
class _Window:
    """What this process knows of one client's window: drawn, not yet taken, and when it ends (a guess until ``dated``).

    ``spent``: all given.
    """

    ends_at: float
    drawn: int = 0
    counted: int = 0
    remote: bool = True
    spent: bool = False
    dated: bool = False


class _Windows:
    """The windows of one policy, by client."""

    def __init__(self, policy: RequestPolicy, counts: LimitCounts, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._counts = counts
        self._clock = clock
        self._item: RateLimitItem = RateLimitItemPerSecond(policy.amount, policy.window_s, namespace=policy.name)
        self._part_max = max(PART_MAX, policy.amount // 1000)
        self._windows: dict[str, _Window] = {}

    def held(self, client: str) -> _Window | None:
        """The client's window if it has a request to take already."""
        window = self._windows.get(client)
        return window if window is not None and window.drawn and window.ends_at > self._clock() else None

    async def ready(self, client: str) -> _Window:
        """The client's window, with a request to take unless it is spent."""
        window = self._windows.get(client)
        now = self._clock()
        if window is None or window.ends_at <= now:
            window = self._open(client, now)
        if window.drawn == 0:
            await self._draw(client, window)
        return window

    def remaining(self, window: _Window) -> int:
        """After the requests that were taken so far."""
        return max(0, self.policy.amount - window.counted) + window.drawn

    def reset_s(self, window: _Window) -> int:
        return max(1, math.ceil(window.ends_at - self._clock()))

    def _open(self, client: str, now: float) -> _Window:
        """A new window, known at once: what requests of the same moment draw is then drawn for all of them."""
        if len(self._windows) > WINDOWS_MAX:
            self._windows = {each: window for each, window in self._windows.items() if window.ends_at > now}
        window = self._windows[client] = _Window(now + self._item.get_expiry())
        return window

    async def _draw(self, client: str, window: _Window) -> None:
        """Adds what the counter still grants to ``window.drawn``; nothing when it is used up."""
        left = self.policy.amount - window.counted
        if left > 0:
            # A tenth of what is left: gateways that hold some each are used up at about the same time.
            part = max(1, min(left // 10, self._part_max))
            window.counted, window.remote = await self._counts.add(self._item, client, part)
            window.drawn += min(part, max(0, self.policy.amount - (window.counted - part)))
        window.spent = window.drawn == 0
        if window.remote and not window.dated:
            # Asked after the first draw, as the window of Redis begins with it. Without an answer the guess will do.
            window.dated = True
            window.ends_at = await self._counts.shared_end(self._item, client) or window.ends_at


Held = list[tuple[_Windows, _Window]]
"""A window of each policy, with a request to take."""


class RequestLimits:
    """Policies side by side, in the order in which ``take`` is given the clients they count."""

    def __init__(self, policies: Sequence[RequestPolicy], counts: LimitCounts, clock: Callable[[], float]) -> None:
        self._all = [_Windows(policy, counts, clock) if policy.amount else None for policy in policies]
        self._words = policy_words(policies)

    async def take(self, *clients: str) -> Allowance | None:
        """Takes one request of every policy, or raises ApiError RATE_LIMITED. None where there is no limit."""
        while (held := self.held(*clients)) is None:  # again where another request was faster
            ready = [(each, await each.ready(client)) for each, client in self._counted(clients)]
            spent = [(each, window) for each, window in ready if window.drawn == 0 and window.spent]
            if spent:
                raise self._refusal(*max(spent, key=lambda pair: pair[0].reset_s(pair[1])))
        return self.take_held(held)

    def held(self, *clients: str) -> Held | None:
        """What was drawn for a request already; None where a policy has to draw first."""
        held = []
        for each, client in self._counted(clients):
            window = each.held(client)
            if window is None:
                return None
            held.append((each, window))
        return held

    def take_held(self, held: Held) -> Allowance | None:
        """One request of each policy, at once; None where there is no limit."""
        if not held:
            return None
        for _, window in held:
            window.drawn -= 1
        tightest = held[0]
        for pair in held[1:]:
            least, other = tightest[0].remaining(tightest[1]), pair[0].remaining(pair[1])
            if other < least or (other == least and pair[1].ends_at > tightest[1].ends_at):
                tightest = pair
        return self._allowance(*tightest)

    def _counted(self, clients: tuple[str, ...]) -> list[tuple[_Windows, str]]:
        """The policies that limit anything, each with whom it counts."""
        return [(each, client) for each, client in zip(self._all, clients, strict=True) if each is not None]

    def _allowance(self, windows: _Windows, window: _Window) -> Allowance:
        return Allowance(windows.policy.amount, windows.remaining(window), windows.reset_s(window), self._words)

    def _refusal(self, windows: _Windows, window: _Window) -> ApiError:
        policy, allowance = windows.policy, self._allowance(windows, window)
        refused = rate_limited(
            f"More than {policy.amount} requests {_span(policy.window_s)}",
            allowance.reset_s,
            limit=policy.amount,
            windowS=policy.window_s,
        )
        refused.headers |= {name.decode(): value.decode() for name, value in allowance.headers()}
        return refused


def policy_words(policies: Sequence[RequestPolicy]) -> bytes:
    """The value of RateLimit-Policy."""
    return b", ".join(b"%d;w=%d" % (policy.amount, policy.window_s) for policy in policies if policy.amount)


def _span(window_s: int) -> str:
    if window_s % 60:
        return f"in {window_s} s"
    return "in a minute" if window_s == 60 else f"in {window_s // 60} minutes"
