"""Logs of the embedded servers are plain lines on standard error; standard output stays free."""

import subprocess
import sys

CODE = """
import structlog
from local.logs import log_to_stderr
log_to_stderr()
log = structlog.get_logger()
log.debug("topic_looked_up")
log.warning("client_lost", peer="127.0.0.1")
try:
    raise ValueError("bad")
except ValueError:
    log.exception("request_failed")
"""


def test_lines_from_info_on_go_to_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert done.stdout == ""
    assert "topic_looked_up" not in done.stderr
    first = done.stderr.splitlines()[0]
    assert "level='warning' event='client_lost' peer='127.0.0.1'" in first
    assert first.startswith("timestamp='")
    assert "ValueError: bad" in done.stderr
