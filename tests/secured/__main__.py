"""The whole system on servers as a careful company runs them, end to end: ``python -m tests.secured``.

Three brokers (TLS, logins, client certificates, ACLs), Redis behind Sentinels (TLS, ACLs), Apicurio, and ClickHouse
behind a TLS front; live, history and two gateways on top, with the least rights. Trades are sent, a broker and the
primary of Redis are killed, clients of both gateways go on, and ``tapeflow verify`` must be clean. Each step is a line
with its seconds; code 1 when one failed.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from redis import Redis
from websockets.asyncio.client import connect

from connectors.synthetic import symbol_names
from demo.figures import figures_of
from flows.live import bounds_of
from jobs.redis_now import compare_now
from local.ports import free_port
from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings, load_settings
from schemas.names import TRADES_TOPIC, dead_letter_topic
from tests.chaos.world import until
from tests.integration.flows.market_feeding import recomputed
from tests.integration.gateway.gateway_command import COMMAND, GatewayCommand, running_gateway
from tests.servers.apicurio import ApicurioServer
from tests.servers.certificates import Authority
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka_cluster import SecuredCluster
from tests.servers.least_rights import KAFKA_FLOW, REDIS_GATEWAY, REDIS_LIVE
from tests.servers.needs import require
from tests.servers.sentinels import WatchedRedis
from tests.servers.tls_front import TlsFront

__all__ = ["Drill", "main"]

PARTITIONS: Final = 4
TRADES: Final = 4_000
RATE: Final = 500
SYMBOLS: Final = 8
WAIT_S: Final = 120.0
MINUTE_S: Final = 60
SECRET: Final = "a-secret-of-the-gateways-of-this-drill"
FLOWS: Final = ("live", "history")


class Drill:
    """Everything that runs; ``steps`` are done in order."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self._folder, self._exits = folder, exits
        self.flows: dict[str, FlowProcess] = {}
        self.gateways: list[GatewayCommand] = []
        self.sent = 0
        self.steps: tuple[tuple[str, Callable[[], object]], ...] = (
            ("three brokers, Redis with a replica and Sentinels, Apicurio, ClickHouse", self.start_servers),
            ("rights, topics, tables", self.prepare),
            ("doctor finds nothing that failed", self.ask_doctor),
            ("live, history and two gateways", self.start_flows),
            (f"{TRADES} trades by a schema of the registry, to clients of both gateways", self.send),
            ("a broker is killed, trades go on", self.kill_broker),
            ("the primary of Redis is killed, trades go on", self.fail_over),
            ("trades of the next minute make bars of this one final", self.send_in_the_next_minute),
            ("the flows stop", self.stop_flows),
            ("verify is clean, and Redis equals the oracle", self.verify),
        )

    def start_servers(self) -> None:
        enter = self._exits.enter_context
        self.redis = enter(WatchedRedis(self._folder / "redis"))
        self.registry = enter(ApicurioServer(self._made("registry")))
        self.kafka = enter(SecuredCluster("sender", "flow"))
        clickhouse = enter(ClickHouseServer(self._folder))
        authority = Authority(self._folder / "tls")
        front = enter(TlsFront(clickhouse.port, authority.issue("clickhouse")))
        until(self.redis.is_watched, WAIT_S, "the Sentinels")
        self.settings = load_settings(
            kafka_bootstrap=self.kafka.bootstrap,
            kafka_properties=self.kafka.login("flow"),
            schema_registry_url=self.registry.url,
            redis_url=self.redis.url("live"),
            clickhouse_dsn=f"clickhouses://default@127.0.0.1:{front.port}?ca_certs={authority.path}",
            recovery_dir=self._folder / "recovery",
            gateway_token_secret=SECRET,
            epoch_ms=500,
        )

    def prepare(self) -> None:
        for topic in (TRADES_TOPIC, dead_letter_topic(TRADES_TOPIC)):
            self.kafka.make_topic(topic, PARTITIONS, {"retention.ms": "-1"})
        self.kafka.allow("sender", "TOPIC", TRADES_TOPIC, "WRITE", "DESCRIBE")
        for resource, name, *operations in (*KAFKA_FLOW, *(("GROUP", f"tapeflow-{each}", "READ") for each in FLOWS)):
            self.kafka.allow("flow", resource, name.format(topic=TRADES_TOPIC), *operations)
        self.redis.login("live", [*REDIS_LIVE, "+multi"])
        self.redis.login("gateway", REDIS_GATEWAY)
        self.tapeflow(self.settings, "migrate")

    def ask_doctor(self) -> None:
        found = json.loads(self.tapeflow(self.settings, "doctor", "--json", codes=(0, 1, 2)))
        failed = [f"{each['name']}: {each['what']}" for each in found if each["state"] == "failed"]
        assert not failed, failed

    def start_flows(self) -> None:
        ways: dict[str, dict[str, Any]] = {
            "history": {},
            "live": {
                "kafka_bootstrap": self.kafka.certificate_bootstrap,
                "kafka_properties": self.kafka.certificate("flow"),
            },
        }
        for name, way in ways.items():
            settings = self.settings.model_copy(update={**way, "metrics_port": free_port()})
            log = self._exits.enter_context((self._folder / f"{name}.log").open("ab"))
            self.flows[name] = FlowProcess(name, settings, log=log)
            self._exits.callback(self.flows[name].kill)
            self.flows[name].start()
        for _ in range(2):
            gateway = running_gateway(
                self._folder,
                self.redis.url("gateway"),
                clickhouse_dsn=self.settings.clickhouse_dsn,
                gateway_token_secret=SECRET,
            )
            self.gateways.append(self._exits.enter_context(gateway))

    def send(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """So many trades more; returns when both flows have read them and a client of each gateway has seen one."""
        way = {"kafka_properties": self.kafka.login("sender", "PLAIN")}
        asyncio.run(self._followed(self.settings.model_copy(update=way), meanwhile))
        self.sent += TRADES
        for name, flow in self.flows.items():
            until(lambda flow=flow: self._read(flow) >= self.sent, WAIT_S, f"{name} to read all")  # type: ignore[misc]

    def kill_broker(self) -> None:
        gone = self.kafka.leaders(TRADES_TOPIC)[0]
        self.send(lambda: self.kafka.kill(gone))
        self.kafka.start(gone)

    def fail_over(self) -> None:
        old, new = self.redis.servers
        self.send(old.kill)
        until(lambda: self.redis.primary() is new, WAIT_S, "the Sentinels to name the other server")

    def send_in_the_next_minute(self) -> None:
        minute = time.time() // MINUTE_S
        until(lambda: time.time() // MINUTE_S > minute, 2 * MINUTE_S, "the next minute")
        self.send()

    def stop_flows(self) -> None:
        for name, flow in self.flows.items():
            assert (code := flow.stop(30)) == 0, f"{name} ended with {code}"

    def verify(self) -> None:
        told = self.tapeflow(self.settings, "verify").strip()
        print("   ", told)
        assert not told.startswith("0 bars"), "no bar was final"
        primary = self.redis.primary()
        assert primary is not None, "no primary"
        with Redis.from_url(primary.url) as client:
            found = compare_now(client, recomputed(self.settings), kept=bounds_of(self.settings).kept)
        print("   ", found)
        assert not found.differences, found.differences[:5]

    def tapeflow(self, settings: Settings, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [*COMMAND, *words], env=worker_environment(settings), capture_output=True, text=True, check=False
        )
        assert done.returncode in codes, f"tapeflow {words[0]} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    async def _followed(self, sender: Settings, meanwhile: Callable[[], object]) -> None:
        """Send while a client of each gateway listens; each must get a message when ``meanwhile`` is done."""
        told = [asyncio.Event() for _ in self.gateways]

        async def follow(gateway: GatewayCommand, told: asyncio.Event) -> None:
            address = f"{gateway.websocket}/ws/prices?token={gateway.token('reader')}"
            async with connect(address, proxy=None) as client:
                await client.send(json.dumps({"type": "subscribe", "symbols": symbol_names(SYMBOLS)}))
                async for _ in client:
                    told.set()

        clients = [asyncio.create_task(follow(*each)) for each in zip(self.gateways, told, strict=True)]
        words = ["produce", "--synthetic", "--trades", str(TRADES), "--rate", str(RATE), "--symbols", str(SYMBOLS)]
        words += ["--seed", str(self.sent)]  # other trades each time
        sending = asyncio.create_task(asyncio.to_thread(self.tapeflow, sender, *words))
        await asyncio.to_thread(meanwhile)
        for each in told:
            each.clear()
        await sending
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*(each.wait() for each in told))
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    @staticmethod
    def _read(flow: FlowProcess) -> int:
        return figures_of(flow.metrics()).records


def main() -> int:
    argparse.ArgumentParser(prog="python -m tests.secured", description=__doc__).parse_args()
    require("secured", "java", "redis-server")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="secured-") as folder, ExitStack() as exits:
        drill = Drill(Path(folder), exits)
        for what, step in drill.steps:
            since = time.monotonic()
            try:
                step()
            except (AssertionError, TimeoutError) as error:
                print(f"FAILED {what}: {error}")
                return 1
            print(f"{time.monotonic() - since:6.1f} s  {what}", flush=True)
    print(f"{time.monotonic() - began:6.1f} s  in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
