"""What clients of gateways watch, and whether it is paused: as gateways and operators tell it in Redis.

OnDemand reads it. The set ``subscribed`` says what is watched; ``market-data:subscriptions`` tells of its changes at
once, and ``market-data:control`` pauses and resumes. While Redis is away, what was known holds; that is told once, and
its return once.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final, Literal

import msgspec
import structlog

from gateway.stores.redis_pool import REDIS_ERRORS, Redis
from schemas.names import CONTROL_CHANNEL, SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL

__all__ = ["Demand"]

RETRY_S: Final = 0.5
READ_AGAIN_S: Final = 15.0
"""How often the whole set is read, as channels keep nothing."""


class Change(msgspec.Struct):
    action: Literal["subscribe", "unsubscribe"]
    symbols: list[str]


class Control(msgspec.Struct):
    action: str


CHANGE: Final = msgspec.json.Decoder(Change)
CONTROL: Final = msgspec.json.Decoder(Control)


class Demand:
    """``changed``: set whenever ``watched`` or ``is_paused`` may have changed; who looks clears it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.changed = asyncio.Event()
        self.watched: set[str] = set()
        self.is_paused = False
        self._lost_s: float | None = None
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Until cancelled; then the connections are closed."""
        try:
            while True:
                try:
                    async with self._redis.pubsub() as channels:
                        await channels.subscribe(SUBSCRIPTIONS_CHANNEL, CONTROL_CHANNEL)
                        await self._listen(channels)
                except REDIS_ERRORS as error:
                    self._tell_loss(error)
                await asyncio.sleep(RETRY_S)
        finally:
            with suppress(*REDIS_ERRORS):
                await self._redis.aclose(close_connection_pool=True)

    async def _listen(self, channels: Any) -> None:
        read_s = 0.0
        while True:
            message = await channels.get_message(timeout=1.0)
            # A subscription that is confirmed, at first or by a client that connected anew: nothing was told meanwhile.
            is_new = message is not None and message["type"] == "subscribe"
            if is_new or time.monotonic() - read_s > READ_AGAIN_S:
                await self._read()
                read_s = time.monotonic()
            if message is None or is_new:
                continue
            if message["channel"] == CONTROL_CHANNEL.encode():
                self._control(message["data"])
            else:
                self._change(message["data"])

    async def _read(self) -> None:
        members = await self._redis.smembers(SUBSCRIBED_SET)
        self.watched = {member.decode("utf-8", "replace") for member in members if isinstance(member, bytes)}
        if self._lost_s is not None:
            self._log.info("demand_returned", down_s=round(time.monotonic() - self._lost_s, 1))
            self._lost_s = None
        self.changed.set()

    def _change(self, data: bytes) -> None:
        try:
            change = CHANGE.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            self._log.warning("demand_message_refused", error=str(error)[:200])
            return
        if change.action == "subscribe":
            self.watched.update(change.symbols)
        else:
            self.watched.difference_update(change.symbols)
        self.changed.set()

    def _control(self, data: bytes) -> None:
        try:
            action = CONTROL.decode(data).action
        except (msgspec.DecodeError, RecursionError):
            action = ""
        self._log.info("control_received", action=action[:64])
        if action in ("pause", "resume"):
            self.is_paused = action == "pause"
            self.changed.set()

    def _tell_loss(self, error: BaseException) -> None:
        if self._lost_s is None:
            self._lost_s = time.monotonic()
            self._log.warning("demand_lost", error=" ".join(str(error).split())[:200] or type(error).__name__)
