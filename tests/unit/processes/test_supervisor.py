"""The supervisor holds a flow's workers: its exit code is theirs, and a signal is passed on."""

import os
import signal
import subprocess
import sys

WATCH = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started with
from processes.supervisor import watch

class Workers:
    def __init__(self): self.asked, self.polls = [], 0
    def start(self): print("started", flush=True)
    def poll(self): return 0 if self.asked else None
    def ask_to_stop(self, sign): self.asked.append(sign); print(sign.name, flush=True)
    def end_after_failure(self): return 7

sys.exit(watch(Workers()))
"""


def test_a_signal_is_passed_on_and_the_exit_code_is_that_of_the_workers() -> None:
    for sent, passed in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT"), (signal.SIGHUP, "SIGTERM")):
        with subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            process.send_signal(sent)
            assert process.stdout.readline() == f"{passed}\n"
            assert process.wait(20) == 7


def test_workers_that_cannot_start_say_it_in_one_line() -> None:
    environment = {**os.environ, "TAPEFLOW_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    command = [sys.executable, "-m", "processes.supervisor", "history"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=90)
    lines = [line for line in done.stderr.splitlines() if line.startswith("tapeflow: ")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1
