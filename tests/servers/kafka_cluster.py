"""Three Kafka brokers as a careful company runs them: TLS everywhere, logins, client certificates, ACLs and quotas.

Each is broker and controller in one (KRaft), so that one may die. Among themselves they speak TLS with certificates of
one authority. Clients come to ``bootstrap`` with a login (SASL_SSL: SCRAM-SHA-512 or PLAIN), or to
``certificate_bootstrap`` with a certificate (mTLS). A user is the same by all three ways, and may do what ``allow``
says. There is no open listener.
"""

import shutil
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.certificates import Authority
from tests.servers.kafka import CACHE, JVM, LOGGING, jars
from tests.servers.kafka_acl import allow

__all__ = ["NODES", "SecuredCluster"]

NODES: Final = (1, 2, 3)
BROKER: Final = "broker"
SCRAM: Final = "SCRAM-SHA-512"
TOOL_S: Final = 60
START_S: Final = 180.0
"""Three brokers share two cores with whatever else runs."""


class SecuredCluster:
    """``users``: names, each with the password ``secret-of-NAME`` and a certificate. A context manager."""

    def __init__(self, *users: str) -> None:
        jars()
        self.folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="cluster-"))
        self._authority = Authority(self.folder / "tls")
        self._own = {name: self._authority.issue(name) for name in (BROKER, *users)}
        self._users = users
        self._logins, self._certified, self._controllers = (
            {node: f"127.0.0.1:{free_port()}" for node in NODES} for _ in range(3)
        )
        self.bootstrap = ",".join(self._logins.values())
        self.certificate_bootstrap = ",".join(self._certified.values())
        self._nodes = {node: self._process(node) for node in NODES}

    def __enter__(self) -> Self:
        cluster = urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        with ThreadPoolExecutor() as pool:
            list(pool.map(partial(self._format, cluster), NODES))
        for node in self._nodes.values():
            node.spawn()
        for node in self._nodes.values():
            node.wait_ready(START_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for node in self._nodes.values():
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self, node: int) -> None:
        """SIGKILL: its host is gone."""
        self._nodes[node].kill()

    def start(self, node: int) -> None:
        """Again, on what it had."""
        self._nodes[node].start(START_S)

    def login(self, user: str, mechanism: str = SCRAM) -> dict[str, str]:
        """Client properties for ``bootstrap``; ``mechanism`` may be PLAIN."""
        return {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self._authority.path),
            "sasl.mechanism": mechanism,
            "sasl.username": user,
            "sasl.password": f"secret-of-{user}",
        }

    def certificate(self, user: str) -> dict[str, str]:
        """Client properties for ``certificate_bootstrap``."""
        own = self._own[user]
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(own.authority),
            "ssl.certificate.location": str(own.certificate),
            "ssl.key.location": str(own.key),
        }

    def admin(self) -> Any:
        """A client that may do anything."""
        return AdminClient(
            {"bootstrap.servers": self.certificate_bootstrap, "log_level": 0, **self.certificate(BROKER)}
        )

    def allow(self, user: str, resource: str, name: str, *operations: str) -> None:
        """``resource``: TOPIC, GROUP or TRANSACTIONAL_ID. Returns when a broker knows."""
        allow(self.admin(), user, resource, name, *operations)

    def limit(self, user: str, **quotas: int) -> None:
        """Quotas such as ``producer_byte_rate`` (bytes a second, of each broker), by Kafka's own tool."""
        own = self._own[BROKER]
        config = self._write(
            "admin.properties",
            {
                "security.protocol": "SSL",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(own.keystore),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(own.authority),
            },
        )
        self._tool(
            "kafka.admin.ConfigCommand", "--bootstrap-server", self.certificate_bootstrap,
            "--command-config", str(config), "--alter", "--entity-type", "users", "--entity-name", user,
            "--add-config", ",".join(f"{name}={value}" for name, value in quotas.items()),
        )  # fmt: skip

    def make_topic(self, name: str, partitions: int, config: dict[str, str] | None = None) -> str:
        """On three brokers, two of which must have a record before it is acknowledged. Returns when all lead."""
        admin = self.admin()
        admin.create_topics([NewTopic(name, partitions, len(NODES), config=config or {})])[name].result(30)
        deadline = time.monotonic() + START_S
        while len([each for each in self.leaders(name).values() if each in NODES]) < partitions:
            assert time.monotonic() < deadline, f"topic {name} did not come up"
        return name

    def leaders(self, topic: str) -> dict[int, int]:
        """Partition -> broker."""
        found = self.admin().list_topics(topic, timeout=10).topics[topic].partitions
        return {number: partition.leader for number, partition in found.items()}

    def _process(self, node: int) -> ServerProcess:
        path = self._write(f"server-{node}.properties", self._properties(node))
        command = [*JVM, LOGGING, "-cp", jars(), "kafka.Kafka", str(path)]
        log = self.folder / f"broker-{node}.log"
        return ServerProcess(f"broker {node}", command, partial(self._answers, node), log, marker=str(path))

    def _answers(self, node: int) -> bool:
        """Whether it is one of the cluster's, as it says itself."""
        alone = {"bootstrap.servers": self._certified[node], "log_level": 0, **self.certificate(BROKER)}
        try:
            return node in AdminClient(alone).list_topics(timeout=1).brokers
        except KafkaException:
            return False

    def _properties(self, node: int) -> dict[str, str]:
        listeners = f"LOGIN://{self._logins[node]},CERTIFICATE://{self._certified[node]}"
        accounts = " ".join(f'user_{user}="secret-of-{user}"' for user in self._users)
        modules = "org.apache.kafka.common.security"
        own = self._own[BROKER]
        return {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.voters": ",".join(f"{each}@{place}" for each, place in self._controllers.items()),
            "listeners": f"{listeners},CONTROLLER://{self._controllers[node]}",
            "advertised.listeners": listeners,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CERTIFICATE",
            "listener.security.protocol.map": "LOGIN:SASL_SSL,CERTIFICATE:SSL,CONTROLLER:SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(own.keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(own.authority),
            "listener.name.certificate.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
            "listener.name.login.sasl.enabled.mechanisms": f"{SCRAM},PLAIN",
            "listener.name.login.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {accounts};",
            f"listener.name.login.{SCRAM.lower()}.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{BROKER}",
            "log.dirs": str(self.folder / f"data-{node}"),
            "default.replication.factor": "3",
            "min.insync.replicas": "2",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "replica.lag.time.max.ms": "3000",
            # Two cores for three brokers and what they serve: neither may be given up for being slow.
            "broker.session.timeout.ms": "6000",
            "initial.broker.registration.timeout.ms": f"{START_S * 1000:.0f}",
            "controller.quorum.election.timeout.ms": "3000",
            "controller.quorum.fetch.timeout.ms": "6000",
        }

    def _format(self, cluster: str, node: int) -> None:
        logins = [f"{SCRAM}=[name={user},password=secret-of-{user}]" for user in self._users]
        scram = [word for login in logins for word in ("--add-scram", login)]
        path = str(self.folder / f"server-{node}.properties")
        self._tool("kafka.tools.StorageTool", "format", "-t", cluster, "-c", path, *scram)

    def _tool(self, *words: str) -> None:
        done = subprocess.run(
            [*JVM, LOGGING, "-cp", jars(), *words], check=False, timeout=TOOL_S, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _write(self, name: str, properties: dict[str, str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        return path
