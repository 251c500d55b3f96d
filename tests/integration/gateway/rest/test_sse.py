"""The event stream through a real socket: resume without loss, gaps said in band, filters, ends."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from schemas.channels import event_fields
from tests.integration.gateway.rest_server import Market, RestServer, eventually
from tests.servers.redis import RedisServer, needs_redis

STREAM = "md:events"


class Listening:
    """A client of the stream that reads one event at a time, as EventSource would."""

    def __init__(self, server: RestServer, path: str = "/api/events", token: str | None = None, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["authorization"] = f"Bearer {server.token() if token is None else token}"
        self._connection.request("GET", path, headers=named)
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.headers = {name.lower(): value for name, value in self._answer.getheaders()}

    def __enter__(self) -> Self:
        assert self.status == 200, self._answer.read()
        assert self.next() == {"retry": "5000"}  # sent once the listener is registered
        return self

    def __exit__(self, *failure: object) -> None:
        self._answer.close()
        self._connection.close()

    def next(self) -> dict[str, Any]:
        """Fields of the next event, or {"comment": …}; empty at the end of the stream."""
        fields: dict[str, Any] = {}
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            if not line:
                return fields
            name, _, value = line.partition(": ")
            fields[name or "comment"] = json.loads(value) if name == "data" else value

    def rest(self) -> list[dict[str, Any]]:
        """Events up to the end of the stream; comments, which may come at any moment, are none."""
        return [found for found in iter(self.next, {}) if "event" in found]

    def events(self, count: int) -> Iterator[dict[str, Any]]:
        while count:
            found = self.next()
            assert found, "the stream ended"
            if "event" in found:
                count -= 1
                yield found


@pytest.fixture(autouse=True)
def empty(market: Market) -> None:
    market.redis.xtrim(STREAM, maxlen=0, approximate=False)


def publish(market: Market, kind: str, data: dict[str, Any], **more: Any) -> str:
    fields = event_fields(kind, json.dumps(data).encode(), written_ms=int(time.time() * 1000), **more)
    entry: bytes = market.redis.xadd(STREAM, fields)
    return entry.decode()


def numbers(found: Iterator[dict[str, Any]]) -> list[int]:
    return [each["data"]["number"] for each in found]


def test_events_come_as_they_happen(market: Market, tmp_path: Path) -> None:
    roles = {"alerts": ("trader",)}
    with (
        RestServer(tmp_path, **market.settings(), gateway_channel_roles=roles) as server,
        Listening(server, token=server.token(role="trader")) as listening,
    ):
        assert listening.headers["content-type"].startswith("text/event-stream")
        kinds = ["news", "price_alert", "system_status", "alert"]
        ids = [publish(market, kind, {"number": number}) for number, kind in enumerate(kinds)]
        found = list(listening.events(4))
    assert [each["event"] for each in found] == kinds
    assert [each["id"] for each in found] == ids
    assert {each["retry"] for each in found} == {"5000"}


@pytest.mark.parametrize("place", ["header", "query"])
def test_resume_gives_what_was_missed_and_then_what_happens(rest: RestServer, market: Market, place: str) -> None:
    ids = [publish(market, "news", {"number": number}) for number in range(1200)]
    asked = {"last_event_id": ids[99]} if place == "header" else {}
    path = "/api/events" if place == "header" else f"/api/events?lastEventId={ids[99]}"
    with Listening(rest, path, **asked) as listening:
        assert numbers(listening.events(1100)) == list(range(100, 1200))
        publish(market, "news", {"number": 1200})
        assert numbers(listening.events(1)) == [1200]


def test_the_header_wins_over_the_address(rest: RestServer, market: Market) -> None:
    """A browser that reconnects keeps its first address and sends the newest id as header."""
    ids = [publish(market, "news", {"number": number}) for number in range(5)]
    with Listening(rest, f"/api/events?lastEventId={ids[0]}", last_event_id=ids[3]) as listening:
        assert numbers(listening.events(1)) == [4]


def test_nothing_is_lost_or_doubled_while_events_pour_in(rest: RestServer, market: Market) -> None:
    """Joins at any moment of a busy stream get every number after theirs, once and in order."""
    first = publish(market, "news", {"number": 0})
    seen: list[int] = []
    last, total = first, 600
    number = 1
    for round_number in range(12):
        with Listening(rest, last_event_id=last) as listening:
            for _ in range(50):
                publish(market, "news", {"number": number})
                number += 1
            for event in listening.events(25 if round_number < 11 else total - len(seen)):
                seen.append(event["data"]["number"])
                last = event["id"]
    assert seen == list(range(1, total + 1))


def test_a_trimmed_log_says_gap_and_goes_on(rest: RestServer, market: Market) -> None:
    ids = [publish(market, "news", {"number": number}) for number in range(10)]
    market.redis.xtrim(STREAM, maxlen=3, approximate=False)
    with Listening(rest, last_event_id=ids[2]) as listening:
        gap = next(listening.events(1))
        assert (gap["event"], "id" in gap) == ("gap", False)
        counts = "entries-added" in market.redis.xinfo_stream(
            STREAM
        )  # Redis 6.2 can't tell a trimmed log from a new one
        reason = "trimmed" if counts else "reset"
        assert gap["data"] == {"reason": reason, "lastEventId": ids[2], "firstAvailableId": ids[7]}
        assert numbers(listening.events(3)) == [7, 8, 9]
    with Listening(rest, last_event_id=ids[7]) as listening:
        assert numbers(listening.events(2)) == [8, 9]


def test_an_id_of_another_log_says_gap(rest: RestServer, market: Market) -> None:
    publish(market, "news", {"number": 0})
    with Listening(rest, last_event_id="9999999999999-0") as listening:
        assert next(listening.events(1))["data"]["reason"] == "reset"
        publish(market, "news", {"number": 1})
        assert numbers(listening.events(2)) == [0, 1]


def test_an_id_from_before_the_log_was_lost_says_gap(rest: RestServer, market: Market) -> None:
    """The new log is whole and its ids are higher: only that it lacks the client's id tells that events are missing.

    Before Redis 7 a stream doesn't tell whether it is whole.
    """
    needs_redis(7)
    lost = publish(market, "news", {"number": 0})
    ids = [lost]
    while ids[0] == lost:  # within one millisecond the new log gives the same id again
        market.redis.delete(STREAM)
        ids = [publish(market, "news", {"number": number}) for number in (1, 2)]
    with Listening(rest, last_event_id=lost) as listening:
        gap = next(listening.events(1))
        assert gap["data"] == {"reason": "reset", "lastEventId": lost, "firstAvailableId": ids[0]}
        assert numbers(listening.events(2)) == [1, 2]
    for complete, rest_of_it in (("0-0", [1, 2]), (ids[0], [2])):
        with Listening(rest, last_event_id=complete) as listening:
            found = list(listening.events(len(rest_of_it)))
            assert [each["data"].get("number") for each in found] == rest_of_it


def test_metrics_count_what_was_put_before_clients(market: Market, tmp_path: Path) -> None:
    with RestServer(tmp_path, **market.settings()) as server:
        first = publish(market, "news", {"number": 0})
        publish(market, "news", {"number": 1})
        with Listening(server, last_event_id=first) as one, Listening(server, last_event_id="9999999999999-0") as two:
            assert numbers(one.events(1)) == [1]
            assert [each["event"] for each in two.events(3)] == ["gap", "news", "news"]
            publish(market, "news", {"number": 2})
            assert numbers(one.events(1)) == numbers(two.events(1)) == [2]
        shown = server.get("/metrics", token="").body
    assert b"tapeflow_sse_events_total 5.0" in shown
    assert b"tapeflow_sse_gaps_total 1.0" in shown


@pytest.mark.parametrize("given", ["abc", "1-2-3", "-5", "1e9"])
def test_an_id_that_is_none_is_refused(rest: RestServer, given: str) -> None:
    for answer in (rest.get("/api/events", last_event_id=given), rest.get(f"/api/events?lastEventId={given}")):
        assert (answer.status, answer.json()["error"]) == (400, "BAD_REQUEST")


def test_each_user_sees_what_the_token_allows(market: Market, tmp_path: Path) -> None:
    roles = {"alerts": ("trader",)}
    with RestServer(tmp_path, **market.settings(), gateway_channel_roles=roles) as server:
        start = publish(market, "news", {"number": 0})
        token = server.token("ann", symbols=("A/*",), role="viewer")
        trader = server.token("bob", symbols=("*",), role="trader")
        publish(market, "price_alert", {"number": 1, "symbol": "A/B"})
        publish(market, "price_alert", {"number": 2, "symbol": "C/D"})
        publish(market, "system_status", {"number": 3, "affected_symbols": ["C/D", "A/X"]})
        publish(market, "alert", {"number": 4})
        publish(market, "news", {"number": 5}, user="bob")
        with (
            Listening(server, token=token, last_event_id=start) as ann,
            Listening(server, token=trader, last_event_id=start) as bob,
        ):
            publish(market, "price_alert", {"number": 6, "symbol": "C/D"})
            publish(market, "news", {"number": 7})
            assert numbers(ann.events(3)) == [1, 3, 7]
            assert numbers(bob.events(7)) == [1, 2, 3, 4, 5, 6, 7]


def test_the_stream_ends_with_the_token(rest: RestServer, market: Market) -> None:
    with Listening(rest, token=rest.token(lifetime_s=2)) as listening:
        assert listening.rest() == []
    assert rest.get("/api/events", token=rest.token(lifetime_s=-1)).status == 401


def test_sigterm_ends_the_streams_soon(market: Market, tmp_path: Path) -> None:
    server = RestServer(tmp_path, **market.settings())
    with server, Listening(server) as listening:
        began = time.monotonic()
        server.process.stop()
        assert listening.rest() == []
        assert time.monotonic() - began < 5


def test_a_client_that_reads_nothing_is_closed_and_others_go_on(market: Market, tmp_path: Path) -> None:
    """It loses nothing: what it did not get is in the log, and it resumes by its last id."""
    with RestServer(tmp_path, **market.settings(), gateway_sse_queue=50) as server:
        stuck = Listening(server)
        with Listening(server) as healthy:
            number = 0

            def is_closed() -> bool:
                nonlocal number
                for _ in range(20):
                    publish(market, "news", {"number": number, "text": "x" * 50_000})
                    number += 1
                list(healthy.events(20))
                return b"tapeflow_sse_slow_closes_total 1.0" in server.get("/metrics", token="").body

            eventually(is_closed, 40)
        stuck.__exit__()
        eventually(lambda: b"tapeflow_sse_clients 0.0" in server.get("/metrics", token="").body)


def test_redis_may_go_and_come_back(market: Market, tmp_path: Path) -> None:
    """A log that is lost under a listener is a gap, and the stream goes on with the new log."""
    with RedisServer(tmp_path) as redis_server:
        own = Market(redis_server.url, market.dsn, market.database)
        with RestServer(tmp_path, **{**market.settings(), "redis_url": redis_server.url}) as server:
            with Listening(server) as listening:
                publish(own, "news", {"number": 1})
                assert numbers(listening.events(1)) == [1]
                redis_server.restart(keep_data=False, crash=True)
                eventually(lambda: server.get("/health/ready", token="").json()["status"] == "ready")
                publish(own, "news", {"number": 2})
                found = list(listening.events(2))
            assert [each["event"] for each in found] == ["gap", "news"]
            assert (found[0]["data"]["reason"], found[1]["data"]["number"]) == ("reset", 2)
            redis_server.stop()
            refused = server.get("/api/events")
            assert (refused.status, refused.json()["error"]) == (503, "SERVICE_UNAVAILABLE")
        own.redis.close()
