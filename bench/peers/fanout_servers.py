"""The servers of the fan-out: tapeflow's gateway, Centrifugo and a broadcast with ws, how each is fed and asked.

All are fed from outside: by a Redis stream in the form that each reads, and Centrifugo by its HTTP API too, where a
batch is one request. All send the same messages of 200 bytes to the same client (bench.peers.fanout_reader).
"""

import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from bench.gateway_fanout import DISCOVERY_S, entry, gateway, serving, store
from bench.gateway_fanout_reader import FIRST_SEQUENCE, sequence_of, snapshot
from bench.peers.building import go_tool, node_folder
from bench.peers.fanout_reader import AnyReader
from local.ports import free_port

__all__ = ["SERVERS", "Running", "Server"]

Put = Callable[[int, list[bytes]], None]
"""Hands messages of one symbol, by its number, to the server."""


@dataclass(frozen=True)
class Running:
    port: int
    process_id: int
    put: Put


@dataclass(frozen=True)
class Server:
    """``build`` gives what ``run`` needs, and raises Missing.

    run: takes that, the number of symbols, and whether what was missed will be asked for. subscribe: makes a reader's
    connections follow symbols. path: of the WebSocket. resume: what a client of the port says that held so many
    messages of the first symbol; None where nothing brings them back.
    """

    name: str
    what: str
    build: Callable[[], str]
    run: Callable[[str, int, bool], AbstractContextManager[Running]]
    subscribe: Callable[[AnyReader, list[str]], None]
    path: str
    resume: Callable[[int, int], list[str]] | None = None


@contextmanager
def tapeflow(_built: str, symbols: int, resume: bool) -> Iterator[Running]:
    with gateway(gateway_out_per_s=10**9) as (port, process_id, client):

        def put(symbol: int, messages: list[bytes]) -> None:
            if resume:  # a flow writes the whole state beside each entry; who comes back late begins with that
                client.set(f"price:S{symbol:04d}", snapshot(symbol, sequence_of(messages[-1])))
            add(client, "md:deltas:0", entry(messages))

        for symbol in range(symbols):
            client.set(f"price:S{symbol:04d}", snapshot(symbol))
            client.hset(f"symbol:S{symbol:04d}", "shard", "0")
        add(client, "md:deltas:0", entry([snapshot(symbol) for symbol in range(symbols)]))
        time.sleep(2 * DISCOVERY_S)  # a gateway looks for new shards once a second
        yield Running(port, process_id, put)


def subscribe_tapeflow(reader: AnyReader, symbols: list[str]) -> None:
    text = json.dumps({"type": "subscribe", "symbols": symbols})
    reader.ask([text], b'"snapshot"', len(symbols))


def resume_tapeflow(_port: int, held: int) -> list[str]:
    return [json.dumps({"type": "subscribe", "symbols": ["S0000"], "since": {"S0000": FIRST_SEQUENCE + held}})]


def add(client: redis.Redis, stream: str, fields: dict[str, Any]) -> None:
    client.xadd(stream, fields, maxlen=10_000)  # type: ignore[arg-type]


@contextmanager
def centrifugo(program: str, _symbols: int, resume: bool) -> Iterator[Running]:
    with centrifugo_and_store(program, resume) as (port, process_id, client):

        def put(symbol: int, messages: list[bytes]) -> None:
            pipeline = client.pipeline(transaction=False)
            for message in messages:
                pipeline.xadd("md", {"payload": message, "centrifugo-channels": f"S{symbol:04d}"}, maxlen=10_000)
            pipeline.execute()

        yield Running(port, process_id, put)


@contextmanager
def centrifugo_by_http(program: str, _symbols: int, resume: bool) -> Iterator[Running]:
    with centrifugo_and_store(program, resume) as (port, process_id, _client):
        link = http.client.HTTPConnection("127.0.0.1", port)

        def put(symbol: int, messages: list[bytes]) -> None:
            head = f'{{"publish":{{"channel":"S{symbol:04d}","data":'.encode()
            commands = b",".join([head + message + b"}}" for message in messages])
            link.request("POST", "/api/batch", b'{"commands":[' + commands + b"]}")
            answer = link.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()

        yield Running(port, process_id, put)
        link.close()


@contextmanager
def centrifugo_and_store(program: str, resume: bool) -> Iterator[tuple[int, int, redis.Redis]]:
    port = free_port()
    with store() as client, tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        stream = {
            "address": f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}",
            "streams": ["md"],
            "consumer_group": "bench",
            "publication_data_mode": {"enabled": True},
        }
        history = {"history_size": 1000, "history_ttl": "60s", "force_recovery": True} if resume else {}
        config = Path(folder) / "config.json"
        config.write_text(
            json.dumps(
                {
                    "http_server": {"address": "127.0.0.1", "port": str(port)},
                    "http_api": {"insecure": True},
                    "client": {
                        "insecure": True,
                        "allowed_origins": ["*"],
                        "recovery_max_publication_limit": 1000,
                        "ping_interval": "300s",  # the client of the bench answers no pings
                    },
                    "channel": {"without_namespace": {"allow_subscribe_for_client": True, **history}},
                    "consumers": [{"name": "md", "enabled": True, "type": "redis_stream", "redis_stream": stream}],
                    "log": {"level": "error"},
                }
            )
        )
        with serving(port, [program, "-c", str(config)], {}) as process_id:
            yield port, process_id, client


def subscribe_centrifugo(reader: AnyReader, symbols: list[str]) -> None:
    asked = [{"id": 2 + number, "subscribe": {"channel": symbol}} for number, symbol in enumerate(symbols)]
    reader.ask([json.dumps({"id": 1, "connect": {}})], b'"connect":{', 1)
    reader.ask(["\n".join(map(json.dumps, asked))], b'"subscribe":{', len(symbols))


def resume_centrifugo(port: int, held: int) -> list[str]:
    probe = AnyReader(port, 1, "/connection/websocket")
    probe.ask([json.dumps({"id": 1, "connect": {}})], b'"connect":{', 1)
    said = probe.ask([json.dumps({"id": 2, "subscribe": {"channel": "S0000"}})], b'"subscribe":{', 1)
    probe.close()
    epoch = said.partition(b'"epoch":"')[2].partition(b'"')[0].decode()
    asked = {"channel": "S0000", "recover": True, "epoch": epoch, "offset": held}
    return [json.dumps({"id": 1, "connect": {}}) + "\n" + json.dumps({"id": 2, "subscribe": asked})]


@contextmanager
def ws(folder: str, _symbols: int, _resume: bool) -> Iterator[Running]:
    port = free_port()
    with store() as client:
        redis_port = str(client.get_connection_kwargs()["port"])
        with serving(port, ["node", f"{folder}/server.mjs", str(port), redis_port], {}) as process_id:

            def put(symbol: int, messages: list[bytes]) -> None:
                add(client, "ws", {"symbol": f"S{symbol:04d}", "batch": b"\n".join(messages)})

            yield Running(port, process_id, put)


def subscribe_ws(reader: AnyReader, symbols: list[str]) -> None:
    reader.ask([json.dumps({"subscribe": symbols})], b'"subscribed"', 1)


SERVERS = (
    Server("tapeflow", "tapeflow's gateway", lambda: "", tapeflow, subscribe_tapeflow, "/ws/prices", resume_tapeflow),
    Server(
        "centrifugo",
        "Centrifugo 6.9.1, its Redis stream consumer",
        lambda: go_tool("centrifugo"),
        centrifugo,
        subscribe_centrifugo,
        "/connection/websocket",
        resume_centrifugo,
    ),
    Server(
        "centrifugo-http",
        "Centrifugo 6.9.1, a batch by its HTTP API",
        lambda: go_tool("centrifugo"),
        centrifugo_by_http,
        subscribe_centrifugo,
        "/connection/websocket",
        resume_centrifugo,
    ),
    Server("ws", "ws 8.23.0 on Node", lambda: str(node_folder("ws")), ws, subscribe_ws, "/"),
)
