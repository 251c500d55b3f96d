"""The stop flag and its signals, in a process of their own: first drain, then insist."""

import signal
import subprocess
import sys
import threading
import time

from runtime import stopping
from runtime.stopping import StopSignal

PROGRAM = """
import sys, threading
from runtime import stopping
stopping.GIVE_UP_S = float(sys.argv[1])
stop = stopping.StopSignal().arm()
print("armed", flush=True)
while sys.argv[2] == "hangs" or not stop.is_set():
    threading.Event().wait(0.02)
"""


def run(give_up_s: float, how: str, *signals: signal.Signals) -> tuple[int, str, float]:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(give_up_s), how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "armed\n"
    began = time.monotonic()
    for number in signals:
        child.send_signal(number)
        threading.Event().wait(0.3)
    _, said = child.communicate(timeout=20)
    return child.returncode, said, time.monotonic() - began


def test_the_first_signal_asks() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        code, said, _ = run(9, "ends", number)
        assert code == 0
        assert "stop_asked" in said or not said


WAITS = """
from runtime import stopping
stop = stopping.StopSignal().arm()
print("armed", flush=True)
while not stop.wait(0):
    pass
"""


def test_a_signal_amid_a_wait_for_the_flag_is_a_signal_as_any_other() -> None:
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "armed\n"
            child.send_signal(signal.SIGTERM)
            try:
                assert child.wait(5) == 0
            finally:
                child.kill()


BUSY = """
import sys, threading
from runtime import stopping
stop = stopping.StopSignal().arm()
print("armed", flush=True)
while not stop.is_set():
    print("x" * 1000, flush=True)
"""


def test_a_signal_amid_a_line_is_a_signal_as_any_other() -> None:
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "armed\n"
        threading.Event().wait(0.5)  # its pipe is full by then, and it waits in the middle of a line
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=20)
        assert child.returncode == 0
        assert "stop_asked" in said


def test_the_second_signal_insists() -> None:
    assert run(9, "hangs", signal.SIGTERM, signal.SIGINT)[0] == 128 + signal.SIGINT


def test_a_flow_that_cannot_drain_ends_in_time_with_a_line() -> None:
    code, said, took_s = run(0.5, "hangs", signal.SIGTERM)
    assert code == 2
    assert "stopped without the last epoch" in said
    assert took_s < 5
    assert stopping.GIVE_UP_S < 10


def test_other_threads_cannot_arm_and_set_the_flag_by_hand() -> None:
    stops: list[StopSignal] = []
    thread = threading.Thread(target=lambda: stops.append(StopSignal().arm()))
    thread.start()
    thread.join()
    assert not stops[0].is_set()
