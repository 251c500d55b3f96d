"""Rules about prices over REST: written to the log and read back, by their users alone, so many and no more."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.kafka.compacted import CompactedTopic
from gateway.rest.alert_rules import default_rearm
from schemas.alert_rules import AlertRule, Firing
from schemas.names import ALERT_RULES_TOPIC
from sinks.clickhouse.price_alerts import price_alert_block
from sinks.clickhouse.sink import Inserter
from sinks.redis.price_alerts import AlertPublisher
from tests.integration.connectors.kafka_feeding import options
from tests.integration.gateway.rest_server import Market, RestServer
from tests.servers.kafka import make_topic

RULES_MAX = 20
UNITS = 10**10
BODY = b'{"symbol":"R/S","condition":"crosses_above","threshold":150.250,"repeat":"every","note":"sell"}'
PATH = "/api/alert-rules"


@pytest.fixture(scope="module")
def topic(kafka_bootstrap: str) -> str:
    return make_topic(kafka_bootstrap, f"{ALERT_RULES_TOPIC}-rest", 2, {"cleanup.policy": "compact"})


@pytest.fixture(scope="module")
def ruled(
    market: Market, kafka_bootstrap: str, topic: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RestServer]:
    kafka = {"kafka_bootstrap": kafka_bootstrap, "alert_rules_topic": topic, "gateway_alert_rules_max": RULES_MAX}
    with RestServer(tmp_path_factory.mktemp("rest"), **market.settings(), **kafka) as server:
        yield server


def written(bootstrap: str, topic: str) -> dict[str, AlertRule | None]:
    reader = CompactedTopic(options(bootstrap, topic))
    found = {
        each.key.decode(): None if each.value is None else msgspec.json.decode(each.value, type=AlertRule)
        for each in reader.read()
    }
    reader.close()
    return found


def test_rules_are_made_read_replaced_and_deleted(ruled: RestServer, kafka_bootstrap: str, topic: str) -> None:
    token = ruled.token("anna")
    made = ruled.ask("POST", PATH, token=token, body=BODY)
    assert made.status == 201, made.body
    rule, path = made.json(), made.headers["location"]
    assert (rule["threshold"], rule["rearm"], rule["version"]) == (Decimal("150.25"), Decimal("0.15025"), 1)
    kept = written(kafka_bootstrap, topic)[rule["id"]]
    assert kept is not None
    assert (kept.user, kept.threshold, kept.rearm, kept.note) == ("anna", "150.25", "0.15025", "sell")
    assert ruled.get(path, token=token).json() == rule
    assert ruled.get(PATH, token=token).json() == [rule]
    changed = b'{"symbol":"R/S","condition":"below","threshold":"1e1","rearm":3}'
    put = ruled.ask("PUT", path, token=token, body=changed).json()
    assert (put["threshold"], put["rearm"], put["version"], put["createdAt"]) == (10, 3, 2, rule["createdAt"])
    assert put["repeat"] == "once"
    other = ruled.token("bert")
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        assert ruled.ask(method, path, token=other, body=body).status == 404
    assert ruled.get(PATH, token=other).json() == []
    assert ruled.ask("DELETE", path, token=token).status == 204
    assert written(kafka_bootstrap, topic)[rule["id"]] is None
    for method, body in (("GET", None), ("PUT", BODY), ("DELETE", None)):
        assert ruled.ask(method, path, token=token, body=body).status == 404


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": "ten"}, "threshold"),
        ({"threshold": None}, "threshold"),
        ({"threshold": [1]}, "threshold"),
        ({"threshold": 10**18}, "threshold"),
        ({"rearm": -1}, "rearm"),
        ({"rearm": "0.00000000001"}, "rearm"),
        ({"condition": "near"}, "condition"),
        ({"series": "mood"}, "series"),
        ({"series": "rise"}, "window"),
        ({"series": "low", "window": "day"}, "condition"),
        ({"series": "silence", "condition": "above", "threshold": 0.5}, "threshold"),
        ({"window": "1h"}, "window"),
        ({"cooldownMs": -1}, "cooldownMs"),
        ({"expiresAt": 10**14}, "expiresAt"),
        ({"symbol": "A,B"}, "symbol"),
        ({"note": "x" * 501}, "note"),
        ({"extra": 1}, "body"),
    ],
)
def test_bodies_are_checked(ruled: RestServer, changed: dict[str, Any], field: str) -> None:
    answer = ruled.ask("POST", PATH, body=json.dumps({**json.loads(BODY), **changed}).encode())
    assert (answer.status, answer.json()["details"].get("field")) == (400, field), answer.body


def test_foreign_symbols_are_forbidden(ruled: RestServer) -> None:
    token = ruled.token("carl", symbols=("A/*",))
    assert ruled.ask("POST", PATH, token=token, body=BODY).status == 403


def test_rules_are_so_many_also_when_made_at_once(ruled: RestServer) -> None:
    token = ruled.token("collector")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ruled.ask, "POST", PATH, token=token, body=BODY) for _ in range(RULES_MAX + 5)]
        statuses = [each.result().status for each in asked]
    assert (statuses.count(201), statuses.count(400)) == (RULES_MAX, 5)


def test_what_fired_is_shown_beside_the_rule_and_for_ever(ruled: RestServer, market: Market) -> None:
    token = ruled.token("dora")
    rule = ruled.ask("POST", PATH, token=token, body=BODY).json()
    fired = AlertRule(rule["id"], "dora", "R/S", "crosses_above", "150.25", note="sell")
    firing = Firing(0, 7, 0, 0, 1_767_225_600_000_000, 5, 151 * UNITS, 1_502_500_000_000, fired, 151 * UNITS, 7)
    AlertPublisher(market.redis_url).publish([firing])
    inserter = Inserter(market.dsn, market.database, "price_alerts")
    foreign = AlertRule("x", "dora", "Q/S", "above", "1")
    inserter.insert(price_alert_block([firing, firing, firing._replace(sequence=9, named=9, rule=foreign)]))
    inserter.close()
    event = {
        "symbol": "R/S", "price": 151, "alert_type": "threshold_exceeded", "threshold": Decimal("150.25"),
        "direction": "above", "id": f"{rule['id']}:7", "rule": rule["id"], "sequence": 7,
        "timestamp": 1_767_225_600_000, "note": "sell", "series": "price", "window": "", "value": 151, "basis": "log",
    }  # fmt: skip
    assert ruled.get(f"{PATH}/{rule['id']}", token=token).json()["lastFired"] == event
    assert ruled.get(PATH, token=token).json()[0]["lastFired"] == event
    assert event in ruled.get("/api/price-alerts", token=token).json()
    narrow = ruled.token("dora", symbols=("R/*",))
    assert ruled.get("/api/price-alerts?limit=5", token=narrow).json() == [event]
    assert ruled.get("/api/price-alerts?endTime=1767225599999", token=token).json() == []
    assert ruled.get("/api/price-alerts", token=ruled.token("emil")).json() == []


def test_a_rule_is_tried_on_the_past(ruled: RestServer, market: Market) -> None:
    start_us = 1_767_300_000_000_000
    prices = ("149", "150.25", "151", "150.05", "152", "1", "200")
    trades = [
        {"time_us": start_us + place * 1_000_000, "price": Decimal(price), "size": Decimal(1), "offset": place}
        for place, price in enumerate(prices)
    ]
    market.add_trades("P/Q", trades)
    (late,) = [{**trades[5], "offset": 5}]
    names = "symbol, event_time, price, size, side, sequence, kafka_partition, kafka_offset, kafka_index, kafka_time"
    market.clickhouse.execute(
        f"INSERT INTO {market.database}.late_trades ({names}) SELECT {names} FROM {market.database}.trades"
        " WHERE symbol = 'P/Q' AND kafka_offset = 5"
    )
    assert late["price"] == 1
    asked = {**json.loads(BODY), "symbol": "P/Q", "rearm": 0.15}
    asked |= {"startTime": start_us // 1000, "endTime": start_us // 1000 + 10_000}
    answer = ruled.ask("POST", f"{PATH}/preview", body=json.dumps(asked).encode())
    assert answer.status == 200, answer.body
    found = answer.json()
    assert [(each["sequence"], each["price"]) for each in found["firings"]] == [(1, Decimal("150.25")), (4, 152)]
    assert (found["trades"], found["complete"], found["until"]) == (6, True, start_us // 1000 + 10_000)
    asked["startTime"] = asked["endTime"] + 1
    assert ruled.ask("POST", f"{PATH}/preview", body=json.dumps(asked).encode()).status == 400


@pytest.mark.thorough
def test_without_kafka_a_rule_is_refused_soon_and_leaves_nothing(rest: RestServer) -> None:
    token = rest.token("fred")
    for _ in range(5):
        began_s = time.monotonic()
        answer = rest.ask("POST", PATH, token=token, body=BODY)
        assert (answer.status, answer.json()["details"]["dependency"]) == (503, "kafka")
    assert time.monotonic() - began_s < 2
    assert rest.get(PATH, token=token).json() == []


def test_the_default_way_back_is_a_share_and_at_least_two_ticks() -> None:
    assert default_rearm("price", "150", None) == "0.15"
    assert default_rearm("price", "0.0000000001", None) == "0.0000000001"
    assert default_rearm("price", "5", b'{"price":5.01,"bid":null,"open":5.001}') == "0.005"
    assert default_rearm("price", "0.05", b'{"price":0.05,"bid":0.0499}') == "0.0002"
    assert default_rearm("price", "100", b'{"price":101}') == "2"


def test_the_default_way_back_suits_the_series() -> None:
    ticker = b'{"price":64250.1,"bid":null}'
    assert default_rearm("vwap", "0", ticker) == "64.2501"
    assert default_rearm("high", "5", None) == "0.005"
    assert default_rearm("rise", "2.5", ticker) == "1.25"
    assert default_rearm("volume", "0.0000000001", ticker) == "0.0000000001"
    assert default_rearm("silence", "30", ticker) == "30"
