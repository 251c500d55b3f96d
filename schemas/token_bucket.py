"""How much of something is allowed now: so much a second on average, and a burst at once.

The gateway counts a client's messages by it, and tracing the spans that begin. It reads no clock.
"""

__all__ = ["TokenBucket"]


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
