"""The loader of docker compose itself (compose-go), to tell what a compose file starts, without Docker.

``compose/`` is the program; Go builds it into ``.cache/compose`` at its first use, from modules pinned by their sums.
Where there is no Go, a test fails in CI and is skipped elsewhere.
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.needs import Missing, must_have

__all__ = ["LoadCompose", "Refused", "load_compose"]

SOURCE: Final = Path(__file__).with_name("compose")
PROGRAM: Final = Path(__file__).resolve().parents[2] / ".cache" / "compose" / "load"
BUILD_S: Final = 240
LOAD_S: Final = 30

LoadCompose = Callable[..., dict[str, Any]]
"""Files, the first with overrides behind it, and ``environment``; gives the project that would be started."""


class Refused(Exception):
    """The loader's words for what is wrong with a file."""


@pytest.fixture(scope="session")
def load_compose() -> LoadCompose:
    """Raises Missing without Go; what it gives raises Refused."""
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    with (PROGRAM.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built_at = PROGRAM.stat().st_mtime if PROGRAM.exists() else 0
        if any(file.stat().st_mtime > built_at for file in SOURCE.iterdir()):
            build()
    return load


def build() -> None:
    must_have("go")
    done = subprocess.run(
        ["go", "build", "-o", PROGRAM, "."], cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if done.returncode:
        raise Missing(f"needs compose-go, and go can't build it: {done.stderr[-500:]}", mend="a module proxy for go")


def load(*files: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [PROGRAM, *files],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=LOAD_S,
        check=False,
    )
    if done.returncode:
        raise Refused(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
