"""Price alerts in a real Redis: each once, whatever comes again; views of rules that never go back."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from schemas.alert_rules import AlertRule, Firing
from schemas.errors import SettingError, Unreachable, WriteFailed
from schemas.rule_view import RuleView
from sinks.redis.price_alerts import AT_ONCE, AlertPublisher, alert_data
from tests.servers.redis import RedisServer

UNITS = 10**10
RULE = AlertRule("r-1", "anna", "BTC/USDT", "crosses_below", "64000.50", note="buy")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RedisServer(tmp_path_factory.mktemp("alerts")) as server:
        yield server.url


@pytest.fixture
def redis(url: str) -> Redis:
    client = Redis.from_url(url)
    client.flushdb()
    return client


def firing(sequence: int, place: int = 0, shard: int = 0, rule: AlertRule = RULE) -> Firing:
    price, threshold = 64_000 * UNITS, 640_005 * UNITS // 10
    return Firing(shard, sequence, 0, place, sequence * 1_000_000, 5, price, threshold, rule, price, sequence)


def ids(redis: Redis) -> list[str]:
    return [json.loads(fields[b"data"])["id"] for _, fields in redis.xrange("md:events")]  # type: ignore[union-attr]


def test_an_alert_has_the_fields_that_clients_know() -> None:
    assert json.loads(alert_data(firing(9))) == {
        "symbol": "BTC/USDT", "price": 64000, "alert_type": "threshold_exceeded", "threshold": 64000.5,
        "direction": "below", "id": "r-1:9", "rule": "r-1", "sequence": 9, "timestamp": 9000, "note": "buy",
        "series": "price", "window": "", "value": 64000, "basis": "log",
    }  # fmt: skip


def test_what_comes_again_adds_nothing(url: str, redis: Redis) -> None:
    publisher = AlertPublisher(url)
    publisher.publish([firing(1), firing(1, 1), firing(3)])
    publisher.publish([firing(1), firing(1, 1), firing(1, 2), firing(3), firing(3, 1), firing(4), firing(2, 0, 7)])
    assert ids(redis) == ["r-1:1", "r-1:1", "r-1:3", "r-1:3", "r-1:4", "r-1:2"]
    (_, fields), *_ = redis.xrange("md:events")  # type: ignore[misc]
    assert (fields[b"type"], fields[b"user"], fields[b"symbols"]) == (b"price_alert", b"anna", b"BTC/USDT")
    assert json.loads(redis.hget("md:alert-firings:anna", "r-1"))["id"] == "r-1:2"  # type: ignore[arg-type]
    assert redis.hgetall("md:price-alerts") == {b"0": b"4:0", b"7": b"2:0"}
    publisher.close()


def test_great_sequences_and_many_alerts(url: str, redis: Redis) -> None:
    publisher = AlertPublisher(url)
    base = 2**52
    publisher.publish([firing(base + number) for number in range(AT_ONCE + 10)])
    publisher.publish([firing(base + number) for number in range(AT_ONCE + 11)])
    assert len(ids(redis)) == AT_ONCE + 11
    publisher.close()


def test_views_keep_the_newest_version(url: str, redis: Redis) -> None:
    publisher = AlertPublisher(url)

    def view(version: int, text: bytes | None = None) -> RuleView:
        return RuleView("anna", "r-1", version, b'{"version":%d}' % version if text is None else text)

    key = "md:alert-rules:anna"
    publisher.keep([view(2), view(1)])
    assert redis.hgetall(key) == {b"r-1": b'{"version":2}'}
    publisher.keep([view(1, b"")])
    assert redis.hexists(key, "r-1")
    publisher.keep([view(3), view(3, b""), RuleView("bert", "r-2", 1, b"")])
    assert not redis.exists(key)
    publisher.close()


def test_refusals_are_one_line(url: str, redis: Redis) -> None:
    redis.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], commands=["+ping", "+evalsha", "+script"])
    limited = AlertPublisher(url.replace("redis://", "redis://reader:x@"))
    with pytest.raises(SettingError, match="Redis refuses the price alerts"):
        limited.publish([firing(1)])
    redis.acl_deluser("reader")
    with pytest.raises(SettingError, match="Redis refused the login"):
        AlertPublisher(url.replace("redis://", "redis://nobody:x@")).publish([firing(1)])
    redis.set("md:events", "taken")
    with pytest.raises(WriteFailed, match="WRONGTYPE"):
        AlertPublisher(url).publish([firing(1)])


def test_a_stop_ends_the_wait_for_a_redis_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    stop = threading.Event()
    stop.set()
    publisher = AlertPublisher("redis://127.0.0.1:1/0", stop)
    with pytest.raises(Unreachable):
        publisher.publish([firing(1)])
