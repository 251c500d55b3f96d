"""A real Apache Kafka broker (KRaft, one node) for tests, chaos and benchmarks, without Docker.

Maven brings the jars into ``.cache/kafka`` of the checkout once; each KafkaBroker runs on free ports with its own data
directory and can be killed and started again on both. A broker never outlives the process that started it.
``KAFKA_BOOTSTRAP`` names a broker to use instead; without Java, Maven or the jars a broker raises Missing.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from local.ports import free_port
from tests.servers.needs import Missing, must_have

CHECKOUT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = CHECKOUT / ".cache" / "kafka"
POM: Final = Path(__file__).with_name("kafka") / "pom.xml"
START_S: Final = 60.0
FETCH_S: Final = 600.0
PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
JVM: Final = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGGING: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

__all__ = ["KafkaBroker", "jars", "kafka_bootstrap", "make_topic"]


@cache
def jars() -> str:
    """The class path of the broker, fetched by Maven the first time. Raises Missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = CACHE / f"libs-{hash_of(POM)}"
    must_have("java", *(() if wanted.exists() else ("mvn",)))
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                fetch(Path(folder) / "libs").rename(wanted)
    return f"{wanted}/*"


def fetch(folder: Path) -> Path:
    """``folder``, filled with the broker's jars. Raises Missing with Maven's first error."""
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_S)
        words = done.stdout + done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired:
        words = f"no end after {FETCH_S:.0f} s"
    if words:
        said = next((line for line in words.splitlines() if "ERROR" in line), words.strip().splitlines()[0])
        raise Missing(
            f"needs Kafka's jars, which Maven couldn't fetch: {said.removeprefix('[ERROR] ')[:200]}",
            mend="go online once, or name a mirror in ~/.m2/settings.xml",
        )
    return folder


def hash_of(path: Path) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, path.read_text()).hex[:12]


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def make_topic(bootstrap: str, name: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
    """Create a topic and wait until the cluster knows it; returns its name."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = admin.list_topics(name, timeout=10).topics[name]
        leaders = [partition.leader for partition in found.partitions.values() if partition.leader >= 0]
        if found.error is None and len(leaders) == partitions:
            return name
    raise TimeoutError(f"topic {name} did not come up")


class KafkaBroker:
    """One broker. Its ports and data directory stay the same over kill, stop and start; ``close`` removes the data.

    users: logins of ``login_bootstrap``, with their passwords; what they may do is up to ACLs.
    """

    def __init__(
        self,
        folder: Path | None = None,
        properties: dict[str, str] | None = None,
        users: dict[str, str] | None = None,
    ) -> None:
        jars()
        self.folder = Path(tempfile.mkdtemp(dir=folder or CACHE, prefix="broker-"))
        self.port, self._controller_port = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.login_bootstrap = f"127.0.0.1:{free_port()}"
        self._properties = {**(self._access(users) if users else {}), **(properties or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start, or start again on the same data; returns when the broker answers."""
        assert self._process is None, "already running"
        config = self._configure()
        self._log = (self.folder / "broker.log").open("ab")
        self._process = subprocess.Popen(
            [*JVM, LOGGING, "-cp", jars(), "kafka.Kafka", str(config)],
            cwd=self.folder,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
        )
        self._await_answer()

    @property
    def pid(self) -> int | None:
        """The running broker, None when there is none."""
        return self._process.pid if self._process is not None else None

    def kill(self) -> None:
        """SIGKILL: as a power cut, nothing is flushed or said."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: an orderly shutdown."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Kill, and remove the data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_topic(self, name: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        return make_topic(self.bootstrap, name, partitions, config)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._log is not None:
            self._log.close()

    def _configure(self) -> Path:
        path = self.folder / "server.properties"
        if path.exists():
            return path
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            # A killed broker may come back once its old session is over: the default is 9 s.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "message.max.bytes": str(8 << 20),
            **self._properties,
        }
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        # The formatter takes an id that begins with a dash for an option; a zero byte in front makes that impossible.
        cluster = urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(path)]
        subprocess.run([*JVM, LOGGING, "-cp", jars(), *tool], check=True, timeout=60, capture_output=True)
        return path

    def _access(self, users: dict[str, str]) -> dict[str, str]:
        """A second listener, for logins (SASL PLAIN) that may do what ACLs allow; without a login all is allowed."""
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        accounts = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        return {
            "listeners": f"PLAINTEXT://{self.bootstrap},LOGIN://{self.login_bootstrap},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},LOGIN://{self.login_bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.login.plain.sasl.jaas.config": f"{module} {accounts};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def _await_answer(self) -> None:
        admin: Any = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                admin.list_topics(timeout=1)
            except KafkaException:
                continue
            return
        log = (self.folder / "broker.log").read_text(errors="replace")[-2000:]
        self.kill()
        raise TimeoutError(f"the broker did not come up:\n{log}")


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Address of a broker that all tests share: give topics names of their own."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with KafkaBroker() as broker:
        yield broker.bootstrap
