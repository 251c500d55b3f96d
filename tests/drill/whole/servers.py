"""Servers as a careful company runs them, on one machine: all that the flows and gateways of the drill stand on.

Three brokers of Kafka (TLS, logins, client certificates, ACLs), Redis behind Sentinels (TLS, ACLs), Apicurio,
ClickHouse behind a TLS front, Jaeger. ``settings`` are those of everything that runs, with the least rights.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from runtime.settings.whole import Settings, load_settings
from schemas.names import TRADES_TOPIC, dead_letter_topic
from tests.chaos.world import until
from tests.servers.apicurio import ApicurioServer
from tests.servers.certificates import Authority
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.jaeger import Jaeger
from tests.servers.kafka_cluster import SecuredCluster
from tests.servers.least_rights import KAFKA_FLOW, REDIS_GATEWAY, REDIS_LIVE
from tests.servers.sentinels import WatchedRedis
from tests.servers.tls_front import TlsFront

__all__ = ["PARTITIONS", "Servers"]

PARTITIONS: Final = 4
FLOWS: Final = ("live", "history")
WAIT_S: Final = 180.0
SECRET: Final = "a-secret-of-the-gateways-of-this-drill"


class Servers:
    """Started when it is made; ``exits`` ends them, in order. ``folder`` holds data and logs."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        enter, self._folder = exits.enter_context, folder
        self.redis = enter(WatchedRedis(folder / "redis"))
        self.jaeger = enter(Jaeger(self.made("jaeger")))
        registry = enter(ApicurioServer(self.made("registry")))
        self.kafka = enter(SecuredCluster("sender", "flow"))
        self.clickhouse = enter(ClickHouseServer(folder))
        authority = Authority(folder / "tls")
        front = enter(TlsFront(self.clickhouse.port, authority.issue("clickhouse")))
        until(self.redis.is_watched, WAIT_S, "the Sentinels")
        self.settings: Settings = load_settings(
            kafka_bootstrap=self.kafka.bootstrap,
            kafka_properties=self.kafka.login("flow"),
            schema_registry_url=registry.url,
            redis_url=self.redis.url("live"),
            clickhouse_dsn=f"clickhouses://default@127.0.0.1:{front.port}?ca_certs={authority.path}",
            recovery_dir=folder / "recovery",
            gateway_token_secret=SECRET,
            epoch_ms=500,
            log_format="json",
            trace_url=self.jaeger.url,
            trace_one_in=0,
            trace_slow_ms=60_000,
        )

    @property
    def sender(self) -> Settings:
        """Of who sends trades: a login of its own, by PLAIN."""
        return self.settings.model_copy(update={"kafka_properties": self.kafka.login("sender", "PLAIN")})

    @property
    def live(self) -> Settings:
        """Of live, which comes with a certificate."""
        way = {"kafka_bootstrap": self.kafka.certificate_bootstrap, "kafka_properties": self.kafka.certificate("flow")}
        return self.settings.model_copy(update=way)

    def prepare(self) -> None:
        """Topics, and rights on them and in Redis."""
        for topic in (TRADES_TOPIC, dead_letter_topic(TRADES_TOPIC)):
            self.kafka.make_topic(topic, PARTITIONS, {"retention.ms": "-1"})
        self.kafka.allow("sender", "TOPIC", TRADES_TOPIC, "WRITE", "DESCRIBE")
        for resource, name, *operations in (*KAFKA_FLOW, *(("GROUP", f"tapeflow-{each}", "READ") for each in FLOWS)):
            self.kafka.allow("flow", resource, name.format(topic=TRADES_TOPIC), *operations)
        self.grant()

    def grant(self) -> None:
        """Logins of Redis, on each server; one that comes back after a kill has none."""
        self.redis.login("live", [*REDIS_LIVE, "+multi"])
        self.redis.login("gateway", REDIS_GATEWAY)

    def made(self, name: str) -> Path:
        """A folder of a server's own."""
        folder = self._folder / name
        folder.mkdir()
        return folder
