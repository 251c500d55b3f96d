"""A flow over three network namespaces: ``python -m tests.chaos.namespaces``, as root on Linux.

Each pod gets a namespace of its own on a bridge, a hostname that ends in its number, and the addresses of all by
setting; servers stand on the bridge's address. The same comparison as the cluster test then. Nothing is left behind.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clickhouse_driver import Client

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from processes.warm import compile_kernels
from runtime.settings.whole import load_settings
from sinks.clickhouse.migrations import migrate
from tests.chaos.pods import Pods
from tests.integration.flows.test_cluster import run_in_turns
from tests.servers.kafka import KafkaBroker, jars
from tests.servers.needs import require, root

__all__ = ["main"]

NET: Final = "10.213.77"
BRIDGE: Final = "tapeflow-br"
PODS: Final = 3
PORT: Final = 23_000


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def networks() -> Iterator[list[str]]:
    """Namespaces pod-0, pod-1, … on one bridge; yields their addresses."""
    hosts = [f"{NET}.{number + 10}" for number in range(PODS)]
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{NET}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, host in enumerate(hosts):
            name, outer, inner = f"pod-{number}", f"tapeflow-{number}", f"pod{number}"
            ip("netns", "add", name)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            ip("link", "set", outer, "master", BRIDGE, "up")
            ip("link", "set", inner, "netns", name)
            ip("-n", name, "addr", "add", f"{host}/24", "dev", inner)
            ip("-n", name, "link", "set", inner, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield hosts
    finally:
        for number in range(PODS):
            subprocess.run(["ip", "netns", "del", f"pod-{number}"], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, stderr=subprocess.DEVNULL)


def inside(number: int) -> Sequence[str]:
    """Own network, own hostname."""
    named = f'hostname flow-{number} && exec "$@"'
    return ("ip", "netns", "exec", f"pod-{number}", "unshare", "--uts", "sh", "-c", named, "sh")


def main() -> int:
    require("namespaces", root, "ip", jars)
    compile_kernels()
    with tempfile.TemporaryDirectory() as name, networks() as hosts:
        folder = Path(name)
        broker = KafkaBroker(folder)
        listener = f"PLAINTEXT://{NET}.1:{broker.port}"
        broker.bootstrap = f"{NET}.1:{broker.port}"
        broker._properties = {
            "listeners": f"{listener},CONTROLLER://127.0.0.1:{broker._controller_port}",
            "advertised.listeners": listener,
        }
        port = free_port()
        command = [sys.executable, "-m", "local.clickhouse", "--path", str(folder / "ch"), "--port", str(port)]
        clickhouse = ServerProcess(
            "clickhouse", [*command, "--host", "0.0.0.0"], lambda: probes.clickhouse_answers(port),
            folder / "clickhouse.log", marker=str(folder),
        )  # fmt: skip
        try:
            broker.start()
            clickhouse.start()
            settings = load_settings(
                kafka_bootstrap=broker.bootstrap,
                clickhouse_dsn=f"clickhouse://default@{NET}.1:{port}",
                clickhouse_database="market",
                recovery_dir=folder / "recovery",
                dead_letters_from="none",
                epoch_ms=500,
                idle_close_ms=600_000,
            )
            client = Client.from_url(settings.clickhouse_dsn)
            migrate(client, settings.clickhouse_database)
            client.disconnect()
            places = [inside(number) for number in range(PODS)]
            run_in_turns(settings, lambda count: Pods("history", settings, hosts[:count], PORT, inside=places[:count]))
        finally:
            clickhouse.stop()
            broker.close()
    print(f"1, then 3, then 2 processes in network namespaces {NET}.0/24: every final bar equals the oracle's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
