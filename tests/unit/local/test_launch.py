"""Whoever is launched ends with the process that launched it, and is otherwise just itself."""

import os
import select
import subprocess
import sys

import pytest

PARENT = """
import os, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-m", "local.launch", str(os.getpid()), "sleep", "60"], stdout=subprocess.DEVNULL
)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_it_becomes_the_command() -> None:
    command = [sys.executable, "-m", "local.launch", str(os.getpid()), "printf", "%s", "done"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b"done"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own doing, on Linux")
def test_it_ends_with_its_parent_even_when_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        handle = os.pidfd_open(child)
        parent.kill()
        parent.wait()
    assert select.select([handle], [], [], 10)[0], "the child outlived its parent"
    os.close(handle)


def test_a_parent_that_was_gone_before_is_no_parent() -> None:
    command = [sys.executable, "-m", "local.launch", "1", "true"]
    assert subprocess.run(command, check=False).returncode == 1
