"""Answers at hand, over real connections: in their order, as often as the limits allow, and no connection is lost."""

import http.client
import json
import socket
from pathlib import Path

import pytest

from tests.integration.gateway.rest_server import Market, RestServer

TICKER = {"symbol": "A/B", "price": 1, "timestamp": 1, "sequence": 1}
COUNT, LIMIT = 40, 25


def request(server: RestServer, token: str, number: int, *lines: str) -> bytes:
    more = "".join(f"{line}\r\n" for line in (f"authorization: Bearer {token}", f"x-request-id: {number}", *lines))
    return f"GET /api/prices/A%2FB HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n{more}\r\n".encode()


@pytest.mark.parametrize("cache_ms", [60_000, 0], ids=["out of the cache", "out of Redis"])
def test_pipelined_at_hand_or_not_they_come_in_order_and_no_more_than_the_limit(
    market: Market, tmp_path: Path, cache_ms: int
) -> None:
    market.redis.set("price:A/B", json.dumps(TICKER))
    settings = {**market.settings(), "gateway_price_cache_ms": cache_ms, "gateway_requests_per_minute": LIMIT}
    with RestServer(tmp_path, **settings) as server:
        token, own_page = server.token(f"ana-{cache_ms}"), f"origin: http://127.0.0.1:{server.port}"
        lines = [[own_page] if number % 3 == 2 else [] for number in range(COUNT)]
        lines[-1].append("connection: close")
        with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
            for at in range(0, COUNT, 4):  # four at a time in a packet
                packet = b"".join(request(server, token, number, *lines[number]) for number in range(at, at + 4))
                connection.sendall(packet)
            answers = []
            with connection.makefile("rb") as said:
                for _ in range(COUNT):
                    status = int(said.readline().split()[1])
                    headers = http.client.parse_headers(said)
                    answers.append(
                        (headers["x-request-id"], status, json.loads(said.read(int(headers["content-length"]))))
                    )
                assert said.read() == b""  # the last one asked for the end
        assert [each[0] for each in answers] == [str(number) for number in range(COUNT)]
        assert [each[1] for each in answers] == [200] * LIMIT + [429] * (COUNT - LIMIT)
        assert all(each[2]["price"] == 1 for each in answers[:LIMIT])
        metrics = server.get("/metrics", token="").body.decode()
    shown = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in metrics.splitlines()}
    name = 'tapeflow_rest_requests_total{operation="GET /api/prices/{symbol}",status="%d"}'
    assert float(shown[name % 200]) == LIMIT
    assert float(shown[name % 429]) == COUNT - LIMIT
