"""Flows of an older commit, their state and tables, under today's version: ``python -m tests.drill.upgrade COMMIT``.

The older source is unpacked beside the data and run by the same interpreter. Today's ``tapeflow migrate`` runs while
the old flows write. Then each flow is stopped and started in today's version on the state that is there. It goes on, or
refuses in one line and is rebuilt from Kafka; which of it is printed. ``tapeflow verify`` must be clean. Last the older
version meets today's state, as after a rollback.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from processes.runner import worker_environment
from runtime.settings.whole import Settings
from runtime.settings.words import PREFIX
from sinks.clickhouse.connection import connect
from tests.chaos.faults import tickers
from tests.chaos.world import Flow, World, rest, until
from tests.drill.__main__ import COMMAND, COMMAND_S, SEED, VerifiedWorld
from tests.servers.kafka import jars
from tests.servers.needs import require
from tests.servers.redis import redis_binary

__all__ = ["main"]

ROOT: Final = Path(__file__).resolve().parents[2]
FLOWS: Final = ("live", "history")
RECORDS: Final = 4_000
KERNELS: Final = ROOT / ".cache" / "drill-kernels"
"""Of older versions too; each is compiled once, which takes a minute or two."""
UP_S: Final = 300.0
STOP_S: Final = 30.0
BACK_S: Final = 20.0


class OldVersion:
    """The source of ``commit`` under ``folder``, run with those of ``settings`` that it knows."""

    def __init__(self, commit: str, folder: Path, settings: Settings) -> None:
        folder.mkdir()
        packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
        texts = "\n".join(path.read_text() for path in (folder / "runtime").rglob("*.py"))
        fields = type(settings).model_fields
        changed = {name for name in fields if getattr(settings, name) != fields[name].default and f" {name}: " in texts}
        ours = settings.environment()
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._environment |= {PREFIX + name.upper(): ours[PREFIX + name.upper()] for name in changed}
        self._environment |= {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(KERNELS)}
        self._folder = folder

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *words], cwd=self._folder, env=self._environment, capture_output=True,
            text=True, check=False, timeout=COMMAND_S,
        )  # fmt: skip

    def start(self, flow: str, log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-c", COMMAND, "run", flow], cwd=self._folder, env=self._environment, stdout=out,
                stderr=out,
            )  # fmt: skip


def today(settings: Settings, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words], env=worker_environment(settings), capture_output=True, text=True,
        check=False, timeout=COMMAND_S,
    )  # fmt: skip
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise RuntimeError(f"tapeflow {words[0]} ended with {done.returncode}: {said}")
    return said


def bars_stored(settings: Settings) -> int:
    client = connect(settings.clickhouse_dsn)
    try:
        ((count,),) = client.execute(f"SELECT count() FROM {settings.clickhouse_database}.bars")
        return int(count)
    finally:
        client.disconnect()


def upgrade(world: World, commit: str) -> None:
    settings = world.settings
    old = OldVersion(commit, world.folder / "old", settings)
    client = connect(settings.clickhouse_dsn)
    client.execute(f"DROP DATABASE {settings.clickhouse_database} SYNC")
    client.disconnect()
    print(f"migrate of {commit}: {old.run('migrate').stdout.strip()}", flush=True)
    running = {name: old.start(name, world.folder / f"old-{name}.log") for name in FLOWS}
    try:
        world.tape.send(RECORDS)
        until(lambda: tickers(world) and bars_stored(settings), UP_S, f"flows of {commit} to write")
        began = time.monotonic()
        print(f"migrate of today, while they run: {today(settings, 'migrate')} ({time.monotonic() - began:.1f} s)")
        print(f"backup: {today(settings, 'backup', str(world.folder / 'backup'))}", flush=True)
        world.tape.send(RECORDS)
        before = bars_stored(settings)
        until(lambda: bars_stored(settings) > before, UP_S, "history to go on behind the migration")
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(STOP_S) for name, process in running.items()}
        print(f"stopped with {codes}", flush=True)
    finally:
        for process in running.values():
            process.kill()
    for name in FLOWS:
        print(f"{name} of today: {started(world, name)}", flush=True)
    world.tape.send(RECORDS)
    world.tape.pause()
    rest(3 * settings.epoch_ms / 1000)
    for name in FLOWS:
        world.flows[name].stop()
    print(f"verify: {today(settings, 'verify')}", flush=True)
    for name in FLOWS:
        print(f"{name} of {commit} on today's state: {rolled_back(old, name, world.folder)}", flush=True)


def rolled_back(old: OldVersion, name: str, folder: Path) -> str:
    log = folder / f"back-{name}.log"
    process = old.start(name, log)
    try:
        code = process.wait(BACK_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        return f"goes on; stopped with {process.wait(STOP_S)}"
    finally:
        process.kill()
    return f"ends with {code}: {(log.read_text().strip().splitlines() or ['nothing said'])[-1]}"


def started(world: World, name: str) -> str:
    """Today's flow on the state that is there; rebuilt from Kafka where it refuses."""
    flow = world.flows[name] = Flow(name, world.settings, world.folder / f"{name}.log", world.clock)
    began = time.monotonic()
    flow.start()
    until(lambda: flow.records_read() or "tapeflow: " in flow.last_line(), UP_S, f"{name} to go on or refuse")
    if flow.records_read():
        return f"goes on from the old state after {time.monotonic() - began:.1f} s"
    said = flow.last_line()
    flow.kill()
    shutil.rmtree(world.settings.recovery_dir / name)
    began = time.monotonic()
    flow.start()
    flow.await_up()
    return f"refuses ({said}); rebuilt after {time.monotonic() - began:.1f} s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drill.upgrade", description=__doc__)
    parser.add_argument("commit", help="of the older version")
    options = parser.parse_args()
    require("drill", jars, redis_binary)
    parent = Path(".cache/drill").absolute()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    with VerifiedWorld(folder, seed=SEED, rate=400, flows=()) as world:
        upgrade(world, options.commit)
        for flow in world.flows.values():
            flow.kill()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
