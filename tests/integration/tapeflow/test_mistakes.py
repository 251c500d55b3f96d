"""What a user gets wrong about servers, on every way to start a flow: one line that says it, exit code 2, and soon.

Each flow runs as a process of its own, as a supervisor would start it.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.servers.kafka import make_topic

pytestmark = pytest.mark.thorough

NOWHERE = "127.0.0.1:1"
GIVE_UP_S = 60
ROOT = Path(__file__).parents[3]
TAPEFLOW = ("-c", "import sys; from tapeflow.cli import main; sys.exit(main())", "run", "{flow}")
STARTS = {
    "tapeflow": TAPEFLOW,
    "processes": (*TAPEFLOW, "--processes", "2"),
    "bytewax": ("-m", "bytewax.run", "flows.{flow}:build()"),
}
MISTAKES = {
    "broker": ("live", {"KAFKA_BOOTSTRAP": NOWHERE}, "Kafka did not answer"),
    "topic": ("live", {"KAFKA_TOPIC": "nope"}, "topic nope does not exist"),
    "start": ("live", {"KAFKA_START": '{"7": 0}'}, "has no partition 7"),
    "offset": ("live", {"KAFKA_START": '{"0": 7}'}, "offset 7 lies beyond the topic's end 0"),
    "registry": ("live", {"SCHEMA_REGISTRY_URL": f"http://{NOWHERE}"}, "the Schema Registry doesn't answer"),
    "redis": ("live", {"REDIS_URL": f"redis://{NOWHERE}/0"}, "Redis does not answer"),
    "clickhouse": ("history", {"CLICKHOUSE_DSN": f"clickhouse://{NOWHERE}"}, "ClickHouse does not answer"),
    "table": ("history", {"CLICKHOUSE_DATABASE": "nope"}, "no table nope."),
    "property": ("live", {"KAFKA_PROPERTIES": '{"sasl.mechanisn": "PLAIN"}'}, "No such configuration property"),
    "login": ("live", {"KAFKA_PROPERTIES": '{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", '
              '"sasl.username": "me", "sasl.password": "secret"}'}, "Kafka refused the login"),
}  # fmt: skip


def cases() -> list[tuple[str, str]]:
    """Several processes are started for mistakes that only a worker could notice; each worker would say it."""
    both = [(mistake, start) for mistake in MISTAKES for start in ("tapeflow", "bytewax")]
    return [*both, ("offset", "processes"), ("registry", "processes")]


@pytest.mark.parametrize(("mistake", "start"), cases())
def test_a_mistake_is_one_line(
    mistake: str, start: str, kafka_bootstrap: str, redis_url: str, clickhouse_dsn: str, tmp_path: Path
) -> None:
    flow, wrong, said = MISTAKES[mistake]
    topic = make_topic(kafka_bootstrap, f"mistakes-{uuid.uuid4().hex[:8]}")
    given = {
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KAFKA_TOPIC": topic,
        "REDIS_URL": redis_url,
        "CLICKHOUSE_DSN": clickhouse_dsn,
        "RECOVERY_DIR": str(tmp_path / "recovery"),
    }
    done = subprocess.run(
        [sys.executable, *(word.format(flow=flow) for word in STARTS[start])],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{f"TAPEFLOW_{name}": each for name, each in (given | wrong).items()},
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=GIVE_UP_S,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    line = done.stderr
    assert line.startswith("tapeflow: ")
    assert said in line
    assert "secret" not in line
