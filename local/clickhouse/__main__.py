"""``python -m local.clickhouse --path DIR --port N``: the embedded ClickHouse as a process of its own.

The stack and the tests start it and read its one line of JSON, ``{"server": "clickhouse", "port": N, "version": V}``,
written when it listens. SIGTERM and SIGINT end it cleanly, within a bound, after the running queries. kill -9 loses no
answered INSERT. A second process on the same folder is refused by the engine's own lock.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

import structlog

from local.clickhouse.engine import Engine
from local.clickhouse.server import Server
from local.logs import log_to_stderr

__all__ = ["main"]

log = structlog.get_logger()

SERVER_SETTINGS: dict[str, str | int] = {
    "mark_cache_size": 64 << 20,
    "uncompressed_cache_size": 32 << 20,
    # One core shared with a broker and the flows: merges may use half of what a server would give them.
    "background_pool_size": 2,
    "background_schedule_pool_size": 4,
    "background_buffer_flush_schedule_pool_size": 1,
    "background_distributed_schedule_pool_size": 1,
    "background_message_broker_schedule_pool_size": 1,
    "tables_loader_background_pool_size": 1,
}


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.clickhouse", description="Embedded ClickHouse, native protocol"
    )
    parser.add_argument("--path", required=True, help="data folder, made when absent")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free port")
    parser.add_argument(
        "--user", action="append", default=[], metavar="NAME:PASSWORD", help="besides 'default' without password"
    )
    parser.add_argument("--memory-mib", type=int, default=1536, help="cap on the engine's memory")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="default of a query setting"
    )
    parser.add_argument("--backups", help="folder in which BACKUP ... TO File('...') may write")
    parser.add_argument("--nice", type=int, default=0, help="how far it gives way to other processes, 0 to 19")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = _arguments(argv)
    os.nice(arguments.nice)
    log_to_stderr()
    Path(arguments.path).mkdir(parents=True, exist_ok=True)
    users = {"default": ""} | dict(pair.split(":", 1) for pair in arguments.user)
    settings = dict(pair.split("=", 1) for pair in arguments.setting)
    limits: dict[str, str | int] = {"max_server_memory_usage": arguments.memory_mib << 20}
    if arguments.backups:
        limits["backups.allowed_path"] = arguments.backups
    engine = Engine(arguments.path, SERVER_SETTINGS | limits)
    server = Server((arguments.host, arguments.port), engine, users, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the serving thread, which is this one: it must be called from another.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    version = ".".join(str(part) for part in engine.version)
    sys.stdout.write(json.dumps({"server": "clickhouse", "port": server.port, "version": version}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    if not server.drain():
        log.warning("clickhouse_queries_abandoned")
        os._exit(0)
    engine.close()


if __name__ == "__main__":
    main()
