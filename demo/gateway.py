"""The demo's gateway and its first client: both halves as in production, and a WebSocket client that follows the tape.

The demo starts it beside the flows and asks for its verdict after they have stopped. The client speaks the public
protocol only. At the end each of its symbols must equal Redis in every field, without a gap on the way. The port is
that of the settings where it is free, so that a line pasted for one demo works in the next.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import IO, Any, Final

from connectors.synthetic import symbol_names
from demo.checks import Check
from demo.quotes import seen_ticker
from demo.tape import DemoPlan
from jobs.follow import Follower
from jobs.produce.sender import symbol_keys
from processes.gateway_processes import GatewayProcesses, checked_port, prepare_gateway
from runtime.settings.whole import Settings
from schemas.errors import SettingError, Unreachable
from schemas.names import RedisKeys
from sinks.redis.connection import asked
from sinks.redis.connection import connect as connect_redis

__all__ = ["DemoGateway", "first_symbol", "gateway_settings"]

SYMBOLS_MAX: Final = 200
"""What one client follows without taking the processor from the flows."""
LOOK_S: Final = 0.5
SETTLE_S: Final = 15.0
JOIN_S: Final = 5.0


def first_symbol(plan: DemoPlan, settings: Settings) -> str:
    """A symbol that will trade, for the lines to paste."""
    if plan.is_synthetic:
        return symbol_names(1)[0]
    keys = (key for batch in plan.recorded(settings) for key in symbol_keys(batch))
    return next(keys, b"AAPL").decode("utf-8", "replace")


def gateway_settings(settings: Settings) -> Settings:
    """Open on loopback, on the settings' ports where they are free, without limits for one curious user."""
    update: dict[str, Any] = {
        "gateway_host": "127.0.0.1",
        "gateway_token_algorithm": "HS256",
        "gateway_token_secret": "",
        "gateway_token_public_key": "",
        "gateway_token_private_key": "",
        "gateway_jwks_url": "",
        "gateway_login_users": (),
        "gateway_tls_cert": "",
        "gateway_tls_key": "",
        "gateway_requests_per_minute": 0,
        "gateway_rest_workers": 1,
        "gateway_rest_port": 0,
    }
    try:
        checked_port(settings.model_copy(update=update), "gateway_port")
    except SettingError:
        update["gateway_port"] = 0
    return prepare_gateway(settings.model_copy(update=update))


class DemoGateway:
    """``settings`` are the demo's. Call ``start``, ``follow``, then ``verdict`` and ``stop``; ``kill`` ends all."""

    def __init__(self, settings: Settings, log: IO[bytes]) -> None:
        self._log = log
        self._take_ports(settings)
        self._thread = threading.Thread(target=self._run, name="demo-client", daemon=True)
        self._keys = RedisKeys()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def start(self) -> None:
        self.processes.start()

    def follow(self) -> None:
        """Wait until the gateway answers and let the client loose. Raises Unreachable when it doesn't answer."""
        try:
            self.processes.wait_ready()
        except Unreachable:
            if self.processes.poll() != SettingError.exit_code:
                raise
            # The ports were free when we looked: another demo, started at the same moment, was the first to bind them.
            self.processes.stop()
            self._take_ports(self._settings.model_copy(update={"gateway_port": 0}))
            self.start()
            self.processes.wait_ready()
        self._thread.start()

    def verdict(self) -> Check:
        """The client's state against Redis, after the flows have stopped."""
        with asked(self._settings.redis_url) as redis:
            deadline = time.monotonic() + SETTLE_S
            while (wrong := self._differences(redis)) and time.monotonic() < deadline:
                time.sleep(LOOK_S)
        follower = self._follower
        detail = f"{len(follower.symbols)} symbols equal Redis, {follower.messages} messages, {follower.gaps} gaps"
        if wrong:
            detail = f"{len(wrong)} of {len(follower.symbols)} symbols differ: {'; '.join(wrong[:3])}"
        if self._failure is not None:
            detail = f"the client failed: {self._failure}"
        return Check(
            "WebSocket client", not (wrong or follower.gaps or self._failure) and follower.messages > 0, detail
        )

    def stop(self) -> int:
        """Drain: the client is told to leave. The exit code."""
        self._end_client()
        return self.processes.stop()

    def kill(self) -> None:
        self._end_client()
        self.processes.kill()

    def _take_ports(self, settings: Settings) -> None:
        self._settings = gateway_settings(settings)
        self.processes = GatewayProcesses(self._settings, log=self._log)
        self._follower = Follower(self.processes.addresses.websocket)

    def _differences(self, redis: Any) -> list[str]:
        """One text per symbol whose state differs from ``price:S`` and, where there is one, ``md:quote:S``."""
        held = {symbol: followed.fields for symbol, followed in list(self._follower.symbols.items())}
        if not held:
            return ["nothing was followed"]
        stored = redis.mget([self._keys.price(symbol) for symbol in held])
        quotes = redis.mget([self._keys.quote(symbol) for symbol in held])
        return [text for text in map(_difference, held.items(), stored, quotes) if text]

    def _run(self) -> None:
        try:
            asyncio.run(self._client())
        except asyncio.CancelledError:
            pass  # the demo is over
        except Exception as error:  # noqa: BLE001 - told by the verdict
            self._failure = error

    async def _client(self) -> None:
        """Follows, and takes on symbols as they first trade."""
        redis = connect_redis(self._settings.redis_url)
        self._task = asyncio.current_task()
        following = asyncio.create_task(self._follower.run())
        try:
            while not following.done():
                room = SYMBOLS_MAX - len(self._follower.symbols)
                if room > 0:
                    await self._follower.add(list(await asyncio.to_thread(self._traded, redis))[:room])
                await asyncio.wait([following], timeout=LOOK_S)
            await following
        finally:
            following.cancel()
            await asyncio.wait([following])
            redis.close()

    def _traded(self, redis: Any) -> Iterable[str]:
        """Symbols that are not followed yet."""
        before, _, after = self._keys.symbol("*").partition("*")
        found = (key.decode() for key in redis.scan_iter(self._keys.symbol("*"), 1000))
        names = sorted(key.removeprefix(before).removesuffix(after) for key in found)
        return [name for name in names if name not in self._follower.symbols]

    def _end_client(self) -> None:
        if self._thread.is_alive() and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended by itself, and its loop is closed
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)
            self._thread.join(JOIN_S)


def _difference(held: tuple[str, dict[str, Any]], stored: bytes | None, quote: bytes | None) -> str:
    symbol, fields = held
    expected, quoted = (json.loads(each, parse_float=Decimal) if each else None for each in (stored, quote))
    expected = seen_ticker(expected or {}, quoted)
    expected.pop("type", None)
    wrong = [name for name in {**expected, **fields} if expected.get(name) != fields.get(name)]
    return f"{symbol} {wrong[0]}: {fields.get(wrong[0])}, not {expected.get(wrong[0])}" if wrong else ""
