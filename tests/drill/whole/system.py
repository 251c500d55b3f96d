"""What runs on the servers of the drill, and how it is asked: live with a standby, history, two gateways, clients.

The steps act on it. Whatever is started again comes back on the ports that it had, so that Prometheus and clients find
it where it was.
"""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from redis import Redis

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from flows.reading import read_options
from local.ports import free_port
from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings
from schemas.names import RedisKeys
from tests.chaos.clock import HostClock
from tests.chaos.standby import Pair, await_leader, await_prepared
from tests.chaos.world import accounts_of, free_ports_in_a_row, until
from tests.client_messages import decode_message
from tests.drill.alarms import Targets
from tests.drill.whole.crowd import Crowd
from tests.drill.whole.market import Market
from tests.drill.whole.pictures import take
from tests.drill.whole.servers import Servers
from tests.integration.gateway.gateway_command import COMMAND, GatewayCommand, running_gateway
from tests.servers.prometheus import PrometheusServer

__all__ = ["WAIT_S", "System"]

GATEWAYS: Final = 2
SYMBOLS: Final = 20
RATE: Final = 100
CLIENTS: Final = 40
WAIT_S: Final = 180.0


class System:
    """Empty when it is made; the steps fill it, ``exits`` ends it. ``folder`` holds data and logs."""

    servers: Servers
    market: Market
    crowd: Crowd

    def __init__(self, folder: Path, exits: ExitStack, *, has_pictures: bool = False) -> None:
        self.folder, self.exits = folder, exits
        self._has_pictures = has_pictures
        self.backup = folder / "backup"
        self.gateways: list[GatewayCommand] = []
        self.traced = 0
        """Trades that were sent beside the market."""

    # -- live, history, gateways

    def start_flows(self) -> None:
        log = self.folder / "live.log"
        self.pair = Pair("live", self.servers.live, log, HostClock(self.folder))
        self.exits.callback(self.pair.kill)
        self._history_port = free_ports_in_a_row(1)
        self.pair.start()
        self.start_history()
        leader = await_leader(self.pair, self.redis())
        await_prepared(self.pair, 1 - leader)

    def start_history(self) -> None:
        settings = self.servers.settings.model_copy(update={"metrics_port": self._history_port})
        log = self.exits.enter_context((self.folder / "history.log").open("ab"))
        self.history = FlowProcess("history", settings, log=log)
        self.exits.callback(self.history.kill)
        self.history.start()

    def start_gateway(self, which: int) -> None:
        """The first time, or again where it was."""
        settings = self.servers.settings
        gateway = running_gateway(
            self.folder,
            self.servers.redis.url("gateway"),
            gateway_port=self.gateways[which].settings.gateway_port if which < len(self.gateways) else free_port(),
            clickhouse_dsn=settings.clickhouse_dsn,
            gateway_token_secret=settings.gateway_token_secret,
            trace_url=settings.trace_url,
            trace_one_in=settings.trace_one_in,
            trace_slow_ms=settings.trace_slow_ms,
        )
        self.gateways[which : which + 1] = [self.exits.enter_context(gateway)]

    def kill_gateway(self, which: int) -> None:
        gateway = self.gateways[which]
        for pid in (*gateway.children(), gateway.process.pid):
            os.kill(pid, signal.SIGKILL)
        gateway.process.wait()

    def start_prometheus(self) -> int:
        """It scrapes all that runs, with the shipped rules in a hurry; how many targets."""
        folder = self.servers.made("prometheus")
        self.targets = Targets(folder / "targets")
        self.targets.say("flows", *self.pair.ports, self._history_port)
        self.targets.say("gateway", *(each.settings.gateway_port for each in self.gateways))
        self.prometheus = PrometheusServer(folder, self.targets.configuration(folder))
        self.exits.enter_context(self.prometheus)
        return sum(map(len, self.targets.ports.values()))

    # -- what is there

    def picture(self, name: str, place: str, path: str = "/", *, page: str = "") -> None:
        """As pictures.take, where pictures are wanted."""
        if self._has_pictures:
            take(name, place, path, page=page, without=f"{self.folder}/")

    def scraped(self) -> int:
        """How many targets Prometheus has an answer of."""
        return sum(int(each["value"][1]) for each in self.prometheus.ask("query", query="up")["result"])

    def tapeflow(self, settings: Settings, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """What a command says as an operator types it; AssertionError when it ends with another code."""
        done = subprocess.run(
            [*COMMAND, *words], env=worker_environment(settings), capture_output=True, text=True, check=False
        )
        assert done.returncode in codes, f"tapeflow {words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def redis(self) -> Any:
        """A client of the primary that Sentinels name, who may do anything."""
        primary = self.servers.redis.primary()
        assert primary is not None, "no primary of Redis"
        return Redis.from_url(primary.url)

    def records(self) -> int:
        """In the topic of trades, now."""
        ends = ranges_between(read_options(self.servers.settings), Position("earliest"), Position("latest"))
        return sum(end for _, end in ends.values())

    def await_read(self) -> None:
        """Until both flows have read what lies in the topic now."""
        records = self.records()
        readers: dict[str, Callable[[], int]] = {"live": self.pair.records_read, "history": self._read_by_history}
        for name, read in readers.items():
            until(lambda read=read: read() >= records, WAIT_S, f"{name} to read {records}")  # type: ignore[misc]

    def _read_by_history(self) -> int:
        return sum(each.get("read", 0) for each in accounts_of(self.history.metrics()).values())

    def sequences(self) -> dict[str, int]:
        """What Redis holds now of each symbol."""
        with self.redis() as client:
            stored = client.mget([RedisKeys().price(symbol) for symbol in self.market.symbols])
        return {symbol: decode_message(each).sequence for symbol, each in zip(self.market.symbols, stored, strict=True)}
