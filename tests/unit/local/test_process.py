"""A server's log ends at its bound, while the server goes on writing."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from local.process import LOG_BYTES_MAX, ServerProcess

TALKS = """
import sys
while True:
    sys.stdout.write(("x" * 99 + "\\n") * 1000)
    sys.stdout.flush()
"""
DEADLINE_S = 60.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_log_over_its_bound_begins_anew_once(tmp_path: Path) -> None:
    log, old = tmp_path / "talker.log", tmp_path / "talker.old"
    server = ServerProcess("talker", [sys.executable, "-c", TALKS], lambda: True, log, marker=str(tmp_path))
    server.start()
    try:
        server.shorten_log()
        assert not old.exists()
        until(lambda: size(log) > LOG_BYTES_MAX)
        server.pause()
        server.shorten_log()
        assert size(log) < LOG_BYTES_MAX
        assert size(old) > LOG_BYTES_MAX
        server.resume()
        until(lambda: size(log) > 0)
        assert log.read_bytes()[:1] == b"x", "it goes on at the new end, without a hole"
    finally:
        server.kill()


def test_a_server_that_starts_again_begins_with_a_short_log(tmp_path: Path) -> None:
    log = tmp_path / "quiet.log"
    log.write_bytes(b"before\n" * (LOG_BYTES_MAX // 7 + 1))
    server = ServerProcess("quiet", [sys.executable, "-c", "input()"], lambda: True, log, marker=str(tmp_path))
    server.start()
    server.kill()
    assert size(tmp_path / "quiet.old") > LOG_BYTES_MAX
    assert size(log) < LOG_BYTES_MAX
