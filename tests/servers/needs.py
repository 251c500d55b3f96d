"""What tests, chaos and benches need of the machine, and what happens where it is missing.

Servers raise Missing with the tool and how to get it. A test that meets it is skipped on a laptop, visibly, and fails
in CI, which must have everything. A program asks with ``require`` before it starts anything: it ends with code 2 and
one line that names all that is missing.
"""

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from schemas.errors import SettingError

__all__ = ["Missing", "must_have", "require", "root", "two_cores"]

GET: Final = {
    "java": "apt install default-jre-headless",
    "mvn": "apt install maven",
    "wrk": "apt install wrk",
    "taskset": "apt install util-linux",
    "ip": "apt install iproute2",
    "openssl": "apt install openssl",
    "curl": "apt install curl",
    "chromium": "apt install chromium",
    "make": "apt install make",
    "systemd-analyze": "apt install systemd",
    "go": "apt install golang, or https://go.dev, 1.24 or newer",
    "node": "Node 20 or newer, https://nodejs.org",
    "npm": "Node 20 or newer, https://nodejs.org",
}
"""How to get each tool on Debian and Ubuntu."""


class Missing(SettingError):
    """Something that this machine lacks."""


def must_have(*tools: str) -> None:
    """Raises Missing, which names those of ``tools`` that aren't on PATH."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise Missing(f"needs {' and '.join(missing)}", mend="; ".join(GET[tool] for tool in missing))


def two_cores() -> None:
    """Raises Missing unless this process may use cores 0 and 1."""
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Missing("needs cores 0 and 1", mend="give this process both (taskset, docker --cpuset-cpus)")


def root() -> None:
    """Raises Missing unless this process is root's."""
    if os.getuid():
        raise Missing("needs root", mend="run it with sudo")


def unavailable(reason: object) -> None:
    """CI must have everything; a laptop may do without, and says so."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))


def require(program: str, *needs: Callable[[], object] | str) -> None:
    """Ends ``program`` with one line and code 2 unless each need is there: a tool on PATH, or a call that finds it."""
    reasons = []
    for need in needs:
        try:
            must_have(need) if isinstance(need, str) else need()
        except Missing as missing:
            reasons.append(str(missing))
    if reasons:
        sys.stderr.write(f"{program}: {'; '.join(reasons)}\n")
        sys.exit(2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    with skipping():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    with skipping():
        return (yield)


@contextmanager
def skipping() -> Iterator[None]:
    """What a test lacked ends it as ``unavailable`` says: what it asked for, or a tool that it simply ran."""
    try:
        try:
            yield
        except FileNotFoundError as error:
            if error.filename in GET:
                must_have(error.filename)
            raise
    except Missing as missing:
        unavailable(missing)
