"""``tapeflow local``: Kafka, ClickHouse and Redis on this machine, in the foreground, from pip packages alone.

It says where the servers listen once all of them answer, and leaves none behind when it ends.
"""

import signal
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.errors import Unreachable
from tapeflow.commands.entry import enter, people

__all__ = ["local"]

WATCH_S: Final = 0.5
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]


def local(
    kafka_port: Port = 9092,
    clickhouse_port: Port = 9000,
    redis_port: Port = 6379,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data instead of TAPEFLOW_DATA_DIR.")] = None,
) -> int:
    """Run the embedded stack until Ctrl-C. Data stays in its folder for the next time.

    Examples: tapeflow local or tapeflow local --kafka-port 0 --clickhouse-port 0 --redis-port 0 --data-dir /tmp/stack
    """
    from local.ports import Ports
    from local.stack import Stack

    settings = enter(data_dir=data_dir)
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # By another thread: this one may be inside a wait for the event, and hold its lock.
        signal.signal(number, lambda *_: threading.Thread(target=asked_to_end.set).start())
    ports = Ports(kafka=kafka_port, clickhouse=clickhouse_port, redis=redis_port)
    with Stack(settings.data_dir / "stack", ports) as stack:
        assert stack.endpoints is not None
        # Lines that can be pasted into another terminal.
        for name, value in stack.endpoints.environment().items():
            typer.echo(f"export {name}={value}")
        people().print(f"data in {stack.data_dir}; Ctrl-C ends it. Next: tapeflow migrate, tapeflow doctor")
        while not asked_to_end.wait(WATCH_S):
            for name in stack.look():
                raise Unreachable(
                    f"{name} ended by itself: {stack.server(name).last_words()}", where=str(stack.data_dir)
                )
    return 0
