"""The demo for hours at a steady rate, watched for anything that grows: ``make soak HOURS=2``.

``tapeflow demo`` runs in a process of its own, as any user starts it, and ends with its proof. Meanwhile this one looks
at every process below it: memory, open files, Redis's own count, lag, and the folders on disk. At the end it prints
the slope of each, taken behind the first third. It ends with code 1 if something grew that has an end, or the proof
failed. Ctrl-C ends it early, with the table so far.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final

import redis

__all__ = ["Series", "grown", "main", "slope_per_hour"]

COMMAND: Final = "import sys; from tapeflow.cli import main; sys.exit(main())"
SAMPLES_MAX: Final = 400
PAIRS_MAX: Final = 200
LOOK_S: Final = 5.0
WARM_SHARE: Final = 1 / 3
HOURS_LEAST: Final = 0.25
RATE: Final = 1_000
SYMBOLS: Final = 50
PROVED: Final = 500_000
"""Records that the proof recomputes at most."""
NAMES: Final = (
    (r"processes\.worker (\w+)", "flow"), (r"gateway_worker (\w+)", "gateway"), (r"local\.(\w+)", "local"),
    (r"(redis)-server", "server"),
)  # fmt: skip
LAG: Final = re.compile(r"lag ([0-9,]+)")
DATA: Final = ("kafka", "clickhouse", "redis")
"""Folders that hold what was sent; they grow with it."""
SPARE: Final = {"memory_mb": 24.0, "files": 12.0, "lag_records": 5_000.0, "disk_mb": 24.0}
"""How much a series may rise beside a tenth of itself: caches and snapshots come and go."""

Series = dict[tuple[str, str], list[tuple[float, float]]]
"""(kind, of what) -> (seconds since the beginning, value)."""


def below(pid: int) -> Iterator[tuple[int, str]]:
    """(pid, command line) of every process that ``pid`` started, and of those that they started."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield int(child), words
                yield from below(int(child))
            except OSError:
                continue


def name_of(words: str) -> str | None:
    for pattern, kind in NAMES:
        if found := re.search(pattern, words):
            return f"{kind} {found[1]}"
    return None


def size_mb(folder: Path) -> float:
    """What lies below ``folder`` on disk; files that go meanwhile are left out."""
    total = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(inside) / name).lstat().st_blocks * 512
    return total / 1e6


def sample(pid: int, folder: Path, log: Path) -> Mapping[tuple[str, str], float]:
    """What there is at this moment; what ends meanwhile is left out."""
    found: dict[tuple[str, str], float] = {}
    for child, words in below(pid):
        if (name := name_of(words)) is None:
            continue
        try:
            status = Path(f"/proc/{child}/status").read_text()
            files = len(list(Path(f"/proc/{child}/fd").iterdir()))
        except OSError:
            continue
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        found["memory_mb", name] = int(resident[1]) / 1024 if resident else 0.0
        found["files", name] = float(files)
        if name == "server redis" and (port := re.search(r"--port (\d+)", words)):
            # It may not answer yet.
            with suppress(redis.exceptions.RedisError), redis.Redis(port=int(port[1]), socket_timeout=5) as client:
                found["memory_mb", "Redis' used_memory"] = client.info("memory")["used_memory"] / 1e6
    for run in folder.glob("demo/*"):
        found["disk_mb", "recovery"] = size_mb(run / "recovery")
        for each in DATA:
            found["disk_mb", each] = size_mb(run / "stack" / each)
    said = [lags for line in log.read_text(errors="replace")[-4_000:].splitlines() if (lags := LAG.findall(line))]
    if said:
        found["lag_records", "the flow furthest behind"] = max(float(lag.replace(",", "")) for lag in said[-1])
    return found


def behind_warm_up(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [point for point in points if point[0] >= points[-1][0] * WARM_SHARE]


def slope_per_hour(points: list[tuple[float, float]]) -> float:
    """The median of the slopes of pairs (Theil and Sen), which a few odd samples don't move."""
    warm = behind_warm_up(points)
    thinned = warm[:: max(1, len(warm) // PAIRS_MAX)]
    slopes = [(y - v) / (x - u) for at, (u, v) in enumerate(thinned) for x, y in thinned[at + 1 :] if x > u]
    return median(slopes) * 3600 if slopes else 0.0


def grown(kind: str, name: str, points: list[tuple[float, float]]) -> bool:
    """Whether it rose by more than a tenth of itself and what may come and go. Data grows with what is sent."""
    if kind == "disk_mb" and name in DATA:
        return False
    warm = behind_warm_up(points)
    rise = slope_per_hour(points) * (warm[-1][0] - warm[0][0]) / 3600
    return rise > SPARE[kind] + median(value for _, value in warm) / 10


def table(series: Series) -> str:
    lines = ["| what | of | first | last | most | per hour | |", "|---|---|---|---|---|---|---|"]
    for (kind, name), points in sorted(series.items()):
        values = [value for _, value in points]
        verdict = "grows" if grown(kind, name, points) else "data" if kind == "disk_mb" and name in DATA else ""
        lines.append(
            f"| {kind} | {name} | {values[0]:.0f} | {values[-1]:.0f} | {max(values):.0f}"
            f" | {slope_per_hour(points):+.1f} | {verdict} |"
        )
    return "\n".join(lines)


def watch(process: "subprocess.Popen[bytes]", folder: Path, log: Path, seconds: float, series: Series) -> None:
    """Samples into ``series`` until the sending ends."""
    began, every_s = time.monotonic(), max(LOOK_S, seconds / SAMPLES_MAX)
    while process.poll() is None and (now_s := time.monotonic() - began) < seconds:
        for key, value in sample(process.pid, folder, log).items():
            series.setdefault(key, []).append((now_s, value))
        try:
            process.wait(every_s)
        except subprocess.TimeoutExpired:
            continue


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=int, default=RATE, help="trades per second")
    parser.add_argument("--symbols", type=int, default=SYMBOLS)
    options = parser.parse_args()
    if options.hours < HOURS_LEAST:
        parser.error(f"--hours below {HOURS_LEAST:g}: journals and caches that still fill would look like growth")
    seconds = options.hours * 3600
    parent = Path(".cache/soak").absolute()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    log = folder / "demo.log"
    words = ["demo", "--seconds", str(round(seconds)), "--rate", str(options.rate), "--symbols", str(options.symbols),
             "--prove-max", str(PROVED)]  # fmt: skip
    series: Series = {}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words], stdout=out, stderr=out, start_new_session=True,
            env={**os.environ, "TAPEFLOW_DATA_DIR": str(folder), "TAPEFLOW_GATEWAY_PORT": "0"},
        )  # fmt: skip
        try:
            watch(process, folder, log, seconds, series)
            code = process.wait()
        except BaseException as error:
            # The demo stops its servers itself.
            process.send_signal(signal.SIGINT)
            process.wait()
            if not isinstance(error, KeyboardInterrupt):
                raise
            print(table(series), "stopped by Ctrl-C, and nothing proved", sep="\n")
            return 130
    print(table(series))
    print("\n".join(log.read_text(errors="replace").splitlines()[-16:]))
    growing = [f"{name} ({kind})" for (kind, name), points in series.items() if grown(kind, name, points)]
    print(
        f"{options.hours:g} h at {options.rate}/s: "
        + (f"growing: {', '.join(growing)}" if growing else "nothing grows")
    )
    if code or growing:
        print(f"what the demo said: {log}")
    return 1 if code or growing else 0


if __name__ == "__main__":
    sys.exit(main())
