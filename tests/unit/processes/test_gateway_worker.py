"""One half of the gateway as a process: a wrong word or setting is one line and exit code 2."""

import os
import socket
import subprocess
import sys

import pytest

from processes.gateway_worker import HALVES


def ended(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "processes.gateway_worker", *words]
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        command = [str(other.fileno()) if word == "QUEUE" else word for word in command]
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            pass_fds=[other.fileno()],
            timeout=60,
        )


def test_halves_that_there_are() -> None:
    assert HALVES == ("websocket", "rest")
    assert ended("both", "7").returncode == 2


@pytest.mark.parametrize(
    ("half", "environment", "said"),
    [
        ("rest", {"TAPEFLOW_GATEWAY_PORT": "x"}, "TAPEFLOW_GATEWAY_PORT"),
        ("websocket", {"TAPEFLOW_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis"),
    ],
)
def test_what_a_user_can_mend_is_one_line(half: str, environment: dict[str, str], said: str) -> None:
    done = ended(half, "QUEUE", **environment)
    lines = [line for line in done.stderr.splitlines() if line.startswith("tapeflow: ")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in done.stderr
