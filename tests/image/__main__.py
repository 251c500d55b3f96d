"""Pods of a built image, as a cluster would start them: ``python -m tests.image ROOT``, as root on Linux.

ROOT is where the image's files lie, e.g. ``$(buildah mount $(buildah from tapeflow))``. Each pod gets a mount namespace
of its own with a read-only root, runs as the image's user, and may write where the chart lets it. Kafka and Redis are
those of the tests. It prints how long live takes until it has read a record, and the gateway until it is ready.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from confluent_kafka import Producer

from local.ports import free_port
from schemas.names import TRADES_TOPIC
from tests.servers.kafka import KafkaBroker, make_topic
from tests.servers.needs import require, root
from tests.servers.redis import RedisServer

__all__ = ["main"]

USER: Final = 10_001
ROUNDS: Final = 3
TRADES: Final = 2_000
START_S: Final = 120.0
STOP_S: Final = 20.0
LOOK_S: Final = 0.01
MOUNTS: Final = """
set -e
mount --bind "$0" /mnt
mount -o remount,bind,ro /mnt
mount -t tmpfs -o uid=USER,size=256m tmpfs /mnt/var/lib/tapeflow
mount -t tmpfs tmpfs /mnt/tmp
mount -t proc proc /mnt/proc
mount --bind /dev /mnt/dev
exec chroot --userspec=USER:USER /mnt /usr/bin/env -i "$@"
""".replace("USER", str(USER))
IMAGE: Final = {
    "PATH": "/opt/tapeflow/bin:/usr/local/bin:/usr/bin:/bin",
    "NUMBA_CACHE_DIR": "/var/cache/tapeflow",
    "TAPEFLOW_RECOVERY_DIR": "/var/lib/tapeflow/recovery",
    "TAPEFLOW_DATA_DIR": "/var/lib/tapeflow",
    "TAPEFLOW_LOG_FORMAT": "json",
}
"""What docker/Dockerfile sets."""


def started(image: Path, words: list[str], settings: Mapping[str, object], url: str, is_up: Callable[[str], bool],
            log: Path) -> float:  # fmt: skip
    """Seconds from a pod's start until ``is_up`` of what ``url`` answers. It is stopped then."""
    given = [f"{name}={value}" for name, value in {**IMAGE, **settings}.items()]
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-c",
        MOUNTS,
        str(image),
        *given,
        *words,
    ]
    began_s = time.monotonic()
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as pod:
        try:
            while not answers(url, is_up):
                with suppress(subprocess.TimeoutExpired):
                    pod.wait(LOOK_S)
                if pod.returncode is not None or time.monotonic() - began_s > START_S:
                    raise SystemExit(f"{words} didn't come up: {log.read_text(errors='replace')[-2_000:]}")
            return time.monotonic() - began_s
        finally:
            subprocess.run(["pkill", "-TERM", "--parent", str(pod.pid)], check=False)
            with suppress(subprocess.TimeoutExpired):
                pod.wait(STOP_S)
            pod.kill()


def answers(url: str, is_up: Callable[[str], bool]) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return is_up(answer.read().decode())
    except OSError:
        return False


def has_read(metrics: str) -> bool:
    return any(
        line.startswith("tapeflow_records_read_total") and not line.endswith(" 0.0") for line in metrics.splitlines()
    )


def send(bootstrap: str) -> None:
    producer, now_ms = Producer({"bootstrap.servers": bootstrap}), time.time_ns() // 1_000_000
    for number in range(TRADES):
        trade = {"symbol": f"S{number % 8}", "price": "1.5", "size": "1", "side": "BUY", "trade_id": str(number),
                 "exchange": "X", "event_time": now_ms}  # fmt: skip
        producer.produce(TRADES_TOPIC, json.dumps(trade).encode(), str(trade["symbol"]).encode())
    producer.flush(10)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("root", type=Path, help="the image's files, mounted")
    image = parser.parse_args().root
    require("image", "java", "redis-server", root)
    with tempfile.TemporaryDirectory() as name, KafkaBroker() as kafka, RedisServer(Path(name)) as redis:
        log = Path(name) / "pods.log"
        make_topic(kafka.bootstrap, TRADES_TOPIC, 4)
        send(kafka.bootstrap)
        for _ in range(ROUNDS):
            port = free_port()
            stores = {"TAPEFLOW_REDIS_URL": redis.url, "TAPEFLOW_KAFKA_BOOTSTRAP": kafka.bootstrap}
            live = {**stores, "TAPEFLOW_METRICS_PORT": port, "TAPEFLOW_VALUE_FORMAT": "json"}
            url = f"http://127.0.0.1:{port}/metrics"
            took_s = started(image, ["tapeflow", "run", "live"], live, url, has_read, log)
            print(f"live has read after {took_s:.1f} s", flush=True)
            port = free_port()
            gateway = {**stores, "TAPEFLOW_GATEWAY_PORT": port, "TAPEFLOW_GATEWAY_TOKEN_SECRET": "a" * 40}
            url = f"http://127.0.0.1:{port}/health/ready"
            took_s = started(image, ["tapeflow", "gateway"], gateway, url, lambda _: True, log)
            print(f"the gateway is ready after {took_s:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
