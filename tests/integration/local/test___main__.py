"""``python -m local``: says where everything listens, ends when it is asked to, and names the server that ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.probes import clickhouse_answers, kafka_answers, redis_answers

PROBES = {"KAFKA_BOOTSTRAP": kafka_answers, "CLICKHOUSE_DSN": clickhouse_answers, "REDIS_URL": redis_answers}


def test_the_stack_says_where_it_listens_and_ends_when_asked_to(tmp_path: Path) -> None:
    ports = ["--kafka-port", "0", "--clickhouse-port", "0", "--redis-port", "0"]
    command = [sys.executable, "-m", "local", "--data-dir", str(tmp_path / "data"), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout is not None
            said = json.loads(stack.stdout.readline())
            for name, answers in PROBES.items():
                address = next(text for key, text in said.items() if key.endswith(name))
                assert answers(int(address.partition("127.0.0.1:")[2].partition("/")[0].partition("?")[0]))
            stack.send_signal(signal.SIGTERM)
            assert stack.wait(60) == 0
        finally:
            stack.kill()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    command = [sys.executable, "-m", "local", "--data-dir", "/proc/none"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
