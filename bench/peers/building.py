"""Peers are built once into .cache/peers of the checkout, by the clients of their own packages, and used again.

A build's folder is named by a digest of its sources, so an edit builds anew. It is made beside its place and moved
there when it is whole: a build that was broken off leaves nothing that looks whole. What can't be built here raises
Missing with the first words of the tool that refused.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from bench.peers.peer import HERE
from tests.servers.needs import Missing, must_have

__all__ = ["CACHE", "build_each", "go_tool", "jvm_command", "node_folder", "python_of"]

P = TypeVar("P", bound=Any)
"""A peer of flows, or a server of the fan-out: ``name``, and a ``build`` that raises Missing."""
CACHE = HERE.parents[1] / ".cache" / "peers"
BUILD_S = 900.0
JVM = ("java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
OPENED = ("java.base/java.util", "java.base/java.lang", "java.base/java.time", "java.base/java.nio")


def jvm_command(module: str, main_class: str) -> list[str]:
    """How to run a class of bench/peers/jvm; ``module`` and the modules that it needs are packaged by Maven."""
    must_have("java", "mvn")
    sources = [HERE / "jvm" / "pom.xml", *in_folder(HERE / "jvm" / "trade"), *in_folder(HERE / "jvm" / module)]

    def package(folder: Path) -> None:
        pom = ["-f", str(HERE / "jvm" / "pom.xml"), "-pl", module, "-am", f"-Dpeers.build={folder}"]
        run_tool(["mvn", "-q", "-B", *pom, "package"])

    built = build(module, sources, package)
    opened = [f"--add-opens={each}=ALL-UNNAMED" for each in OPENED]
    return [*JVM, *opened, "-cp", f"{built}/{module}/{module}.jar:{built}/{module}/libs/*", f"peers.{main_class}"]


def python_of(name: str) -> str:
    """The interpreter of an environment of its own with what the peer's requirements.txt pins."""
    pins = HERE / name / "requirements.txt"

    def install(folder: Path) -> None:
        run_tool([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
        run_tool([*pip, "--only-binary", ":all:", "-r", str(pins)])

    return str(build(name, [pins], install) / "bin" / "python")


def go_tool(name: str) -> str:
    """The program that the ``tool`` line of the peer's go.mod names, built by Go."""
    must_have("go")
    module = HERE / name / "go.mod"
    package = next(line.split()[1] for line in module.read_text("utf-8").splitlines() if line.startswith("tool "))

    def compile_tool(folder: Path) -> None:
        run_tool(["go", "build", "-C", str(module.parent), "-o", str(folder / name), package])

    return str(build(name, [module], compile_tool) / name)


def node_folder(name: str) -> Path:
    """A folder with the peer's sources and the packages that its package.json pins."""
    must_have("node", "npm")
    sources = in_folder(HERE / name)

    def install(folder: Path) -> None:
        for source in sources:
            shutil.copy(source, folder / source.name)
        run_tool(["npm", "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund",
                  "--ignore-scripts", "--silent"])  # fmt: skip

    return build(name, sources, install)


def in_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts)


def build(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` filled for these sources, now or in an earlier run. Raises Missing."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.relative_to(HERE)}\0".encode() + source.read_bytes())
    wanted = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (wanted / "whole").exists():
            print(f"building {name}", file=sys.stderr, flush=True)
            shutil.rmtree(wanted, ignore_errors=True)
            wanted.mkdir()
            make(wanted)
            (wanted / "whole").touch()
    return wanted


def run_tool(command: list[str]) -> None:
    """Raises Missing with the first line that the tool complained in."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"can't be built here: {error}", mend="see the command by hand") from error
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        first = next((line for line in said if "error" in line.lower()), said[0] if said else "it said nothing")
        raise Missing(f"can't be built here: {command[0]}: {first[:200]}", mend=" ".join(command))


def build_each(wanted: Iterable[P]) -> list[tuple[P, Any]]:
    """Each with what its ``build`` gives; one that can't be built here is named and left out."""
    found = []
    for each in wanted:
        try:
            found.append((each, each.build()))
        except Missing as missing:
            print(f"{each.name} is left out: {missing}", flush=True)
    return found
