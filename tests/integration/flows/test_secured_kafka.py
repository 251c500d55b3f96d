"""Three brokers with TLS, logins, client certificates, ACLs and quotas: what the documented least is enough for.

The whole way of trades is gone by users who may do no more than docs/operating.md grants: sent by a login of PLAIN that
a quota holds back, read by history with SCRAM and by live with a certificate, while a broker dies for good.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from redis import Redis

from connectors.kafka.questions import TopicQuestions
from demo.figures import figures_of
from flows.live import bounds_of
from flows.reading import read_options
from jobs.redis_now import compare_now
from local.ports import free_port
from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings
from tapeflow.cli import main
from tests.chaos.world import until
from tests.integration.conftest import Stores
from tests.integration.flows.market_feeding import KEEP, recomputed, until_running
from tests.servers.certificates import Authority
from tests.servers.kafka_cluster import SecuredCluster
from tests.servers.least_rights import KAFKA_FLOW
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

PARTITIONS = 4
TRADES = 6_000
QUOTA = 10_000
"""Bytes a second and broker that the sender may send: it is held back for some seconds."""
SYMBOLS = 20
COMMAND = (sys.executable, "-c", "import sys; from tapeflow.cli import main; sys.exit(main())")
TOPIC = "trades"
FLOWS = ("live", "history")
LETTERS = f"{TOPIC}.dead-letter"


@pytest.fixture(scope="module")
def cluster() -> Iterator[SecuredCluster]:
    with SecuredCluster("sender", "flow") as cluster:
        for name in (TOPIC, LETTERS, "limited"):
            cluster.make_topic(name, PARTITIONS, KEEP)
        cluster.allow("sender", "TOPIC", "limited", "WRITE", "DESCRIBE")
        cluster.allow("sender", "TOPIC", TOPIC, "WRITE", "DESCRIBE")
        for resource, name, *operations in (*KAFKA_FLOW, *(("GROUP", f"tapeflow-{name}", "READ") for name in FLOWS)):
            cluster.allow("flow", resource, name.format(topic=TOPIC), *operations)
        yield cluster


@pytest.fixture
def entered(cluster: SecuredCluster, stores: Stores, migrated: Callable[..., Settings]) -> Iterator[Settings]:
    """As ``flow``, by SCRAM; the tables are there, and a Redis of the test's own."""
    with RedisServer(stores.folder / "redis") as redis:
        names = {
            "KAFKA_BOOTSTRAP": cluster.bootstrap,
            "KAFKA_PROPERTIES": json.dumps(cluster.login("flow")),
            "KAFKA_TOPIC": TOPIC,
            "CLICKHOUSE_DSN": stores.dsn,
            "CLICKHOUSE_DATABASE": stores.database,
            "REDIS_URL": redis.url,
            "RECOVERY_DIR": str(stores.folder / "recovery"),
        }
        yield migrated({f"TAPEFLOW_{name}": value for name, value in names.items()}, epoch_ms=500)


def by(user: str, way: str, cluster: SecuredCluster) -> dict[str, object]:
    """Settings for a user that comes with a certificate, or with a login of that mechanism."""
    if way == "certificate":
        return {
            "kafka_bootstrap": cluster.certificate_bootstrap,
            "kafka_properties": cluster.certificate(user),
        }
    return {"kafka_bootstrap": cluster.bootstrap, "kafka_properties": cluster.login(user, way)}


def doctors(settings: Settings) -> dict[str, dict[str, str]]:
    """What a doctor of its own process finds, by name."""
    done = tapeflow(settings, "doctor", "--json")
    return {each["name"]: each for each in json.loads(done.stdout)}


def tapeflow(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words],
        env=worker_environment(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("way", ["SCRAM-SHA-512", "PLAIN", "certificate"])
def test_the_least_rights_are_enough_by_each_way_of_coming(
    cluster: SecuredCluster, entered: Settings, way: str
) -> None:
    found = doctors(entered.model_copy(update=by("flow", way, cluster)))
    about = {name: each for name, each in found.items() if TOPIC in name or name in ("kafka", "rights on the group")}
    assert {name: each["what"] for name, each in about.items() if each["state"] == "failed"} == {}
    assert found[f"topic {TOPIC}"]["what"].startswith(f"{PARTITIONS} partitions")
    assert found[f"rights on {LETTERS}"]["what"] == "all that flows need"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sasl.password": "wrong"}, "uthentication"),
        ({"ssl.ca.location": "{other}"}, "certificate"),
    ],
)
def test_a_wrong_way_of_coming_is_refused_in_one_line(
    cluster: SecuredCluster, entered: Settings, changes: Mapping[str, str], says: str, tmp_path: Path
) -> None:
    other = str(Authority(tmp_path / "other").path)
    changed = {name: value.format(other=other) for name, value in changes.items()}
    settings = entered.model_copy(update={"kafka_properties": {**cluster.login("flow"), **changed}})
    done = tapeflow(settings, "run", "history")
    said = [line for line in done.stderr.splitlines() if line.startswith("tapeflow: ")]
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert says in said[0]
    assert "Traceback" not in done.stderr


def test_a_quota_holds_back_and_loses_nothing(cluster: SecuredCluster, entered: Settings) -> None:
    small = {**cluster.login("sender", "PLAIN"), "batch.num.messages": 100}  # what is on its way isn't held back
    sender = entered.model_copy(update={"kafka_properties": small, "kafka_topic": "limited"})
    took_s = []
    for _ in range(2):
        done = tapeflow(sender, "produce", "--synthetic", "--trades", str(TRADES))
        delivered = re.search(r"^(\d+) records delivered to limited in ([\d.]+) s", done.stdout, re.MULTILINE)
        assert delivered, done.stderr
        assert int(delivered[1]) == TRADES
        took_s.append(float(delivered[2]))
        cluster.limit("sender", producer_byte_rate=QUOTA)
    assert took_s[1] > max(2 * took_s[0], 3), took_s


def test_a_broker_that_dies_costs_nothing(cluster: SecuredCluster, entered: Settings, tmp_path: Path) -> None:
    flows = {
        "history": entered.model_copy(update={"metrics_port": free_port()}),
        "live": entered.model_copy(update={"metrics_port": free_port(), **by("flow", "certificate", cluster)}),
    }
    sender = entered.model_copy(update=by("sender", "PLAIN", cluster))
    log = tmp_path / "flows.log"
    with log.open("ab") as file:
        running = {name: FlowProcess(name, settings, log=file) for name, settings in flows.items()}
        for flow in running.values():
            flow.start()
        sending = subprocess.Popen(
            [*COMMAND, "produce", "--synthetic", "--trades", str(TRADES), "--symbols", str(SYMBOLS), "--rate", "500"],
            env=worker_environment(sender), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            for flow in running.values():
                until_running(flow, log, lambda flow=flow: figures_of(flow.metrics()).records > TRADES // 10)
            gone = cluster.leaders(TOPIC)[0]
            cluster.kill(gone)
            with TopicQuestions(read_options(entered)) as questions:  # as a flow does that starts in these seconds
                ends = questions.watermarks(range(PARTITIONS))
            assert sum(end for _, end in ends.values()) > TRADES // 10
            said, _ = sending.communicate(timeout=120)
            assert sending.returncode == 0, said
            assert f"{TRADES} records delivered" in said
            for flow in running.values():
                until_running(flow, log, lambda flow=flow: figures_of(flow.metrics()).records >= TRADES)
            until(lambda: gone not in cluster.leaders(TOPIC).values(), 30, "other brokers to lead")
            for flow in running.values():
                assert flow.stop(30) == 0, log.read_text()
        finally:
            sending.kill()
            for flow in running.values():
                flow.kill()
    assert main(["verify"]) == 0
    with Redis.from_url(entered.redis_url) as client:
        found = compare_now(client, recomputed(entered), kept=bounds_of(entered).kept)
    assert (found.differences, found.compared > SYMBOLS) == ([], True)
