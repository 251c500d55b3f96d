"""``python -m local.kafka --path DIR --port N``: a single-node Kafka broker for one machine, as a process of its own.

The stack and the tests start it and read its one line of JSON, ``{"server": "kafka", "port": N}``, written when it
listens. Any librdkafka client works with it: produce (idempotent too, every codec), assign and fetch, offsets by time,
committed offsets, create, grow and delete topics, delete records. Records are on disk in Kafka's own batch format and
are there after a restart or kill -9. It lacks group membership (``subscribe``), transactions, compaction, TLS, SASL and
replicas; times are looked up to the batch, so ``offsets_for_times`` may begin up to one batch early. It is for
development, never production. librdkafka's own mock broker would not do: it keeps only about 5 MB per partition and
throws older records away, so a demo could not read its topic again from the start.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from local.kafka.server import Server
from local.kafka.topics import Topics
from local.logs import log_to_stderr

__all__ = ["main"]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.kafka", description="Single-node Kafka for one machine")
    parser.add_argument("--path", required=True, type=Path, help="data folder, made when absent")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, and the one told to clients")
    parser.add_argument("--port", type=int, default=9092, help="0 takes a free port")
    parser.add_argument("--partitions", type=int, default=4, help="of topics created by being asked for")
    parser.add_argument("--segment-mib", type=int, default=128, help="where a log's file ends and the next begins")
    parser.add_argument("--retention-mib", type=int, default=4096, help="per partition; 0 keeps everything")
    parser.add_argument("--batch-mib", type=int, default=16, help="largest record batch taken")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = _arguments(argv)
    log_to_stderr()
    topics = Topics(
        arguments.path,
        default_partitions=arguments.partitions,
        segment_bytes=arguments.segment_mib << 20,
        retention_bytes=arguments.retention_mib << 20,
        batch_bytes_max=arguments.batch_mib << 20,
    )
    server = Server((arguments.host, arguments.port), topics)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the serving thread, which is this one: it must be called from another.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(json.dumps({"server": "kafka", "port": server.port}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    server.api.stop()


if __name__ == "__main__":
    main()
