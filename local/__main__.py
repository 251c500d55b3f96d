"""``python -m local``: the embedded stack in the foreground, until Ctrl-C.

Writes one line of JSON with the endpoints when everything answers; ``tapeflow local`` wraps it. It ends with 0 when it
was asked to end, and with 1, naming the server, when a server ended by itself. The ports are the usual ones unless told
otherwise, so that the other commands find the stack without any setting.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from local.ports import Ports
from local.stack import Stack
from schemas.errors import TapeflowError

__all__ = ["main"]

WATCH_S: Final = 0.5


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="Kafka, ClickHouse and Redis for one machine")
    parser.add_argument("--data-dir", type=Path, default=Path(".data"))
    parser.add_argument("--kafka-port", type=int, default=9092, help="0 takes a free port, as for the others")
    parser.add_argument("--clickhouse-port", type=int, default=9000)
    parser.add_argument("--redis-port", type=int, default=6379)
    arguments = parser.parse_args(argv)
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # By another thread: this one may be inside a wait for the event, and hold its lock.
        signal.signal(number, lambda *_: threading.Thread(target=asked_to_end.set).start())
    ports = Ports(arguments.kafka_port, arguments.clickhouse_port, arguments.redis_port)
    stack = Stack(arguments.data_dir, ports)
    try:
        endpoints = stack.start()
        sys.stdout.write(json.dumps(endpoints.environment()) + "\n")
        sys.stdout.flush()
        while not asked_to_end.wait(WATCH_S):
            for name in stack.look():
                sys.stderr.write(f"{name} ended by itself: {stack.server(name).last_words()}\n")
                return 1
    except TapeflowError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
