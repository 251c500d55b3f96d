"""The alerts flow on real servers: a rule fires where it should, once, whatever happens to the flow meanwhile; and from
REST to the event stream of its user alone."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.settings.whole import Settings, load_settings
from schemas.alert_rules import AlertRule
from tapeflow.cli import main
from tests.integration.flows.market_feeding import environment
from tests.integration.flows.rule_market import PARTITIONS, SYMBOLS, RuleMarket, running
from tests.integration.gateway.rest.test_sse import Listening
from tests.integration.gateway.rest_server import RestServer
from tests.servers.kafka import make_topic
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.long
KILLS = 6


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    names = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path)
    with RedisServer(tmp_path / "server") as server:
        names |= {"TAPEFLOW_REDIS_URL": server.url, "TAPEFLOW_EPOCH_MS": "300"}
        names["TAPEFLOW_ALERT_RULES_TOPIC"] = names["TAPEFLOW_KAFKA_TOPIC"] + "-rules"
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        assert main(["migrate"]) == 0
        made = load_settings()
        make_topic(kafka_bootstrap, made.kafka_topic, PARTITIONS)
        yield made


def test_a_rule_fires_with_the_fields_of_a_price_alert(settings: Settings, tmp_path: Path) -> None:
    market = RuleMarket(settings, seed=1)
    with running(settings, tmp_path / "log") as flow:
        market.trade(1, "AAPL", "149.5")
        market.trade(1, "AAPL", "151")
        market.write(AlertRule("a-1", "anna", "AAPL", "crosses_above", "150.00", "every", "0.5", note="sell"))
        market.write(AlertRule("b-1", "bert", "MSFT", "below", "10"))
        market.trade(1, "MSFT", "12")
        flow.until(market.is_armed)
        assert {key: each.state for key, each in market.armed().items()} == {"a-1": "waiting", "b-1": "armed"}
        for price in ("152", "149.9", "150.25", "149.6", "150.1", "149.5", "150"):
            market.trade(1, "AAPL", price)
        flow.until(lambda: len(market.streamed()) == 2)
        first, second = market.streamed()
        sequence = market.trades[5].offset
        assert first == {
            "symbol": "AAPL", "price": Decimal("150.25"), "alert_type": "threshold_exceeded", "threshold": 150,
            "direction": "above", "id": f"a-1:{sequence}", "rule": "a-1", "sequence": sequence,
            "timestamp": market.trades[5].event_time_us // 1000, "note": "sell", "user": "anna",
            "series": "price", "window": "", "value": Decimal("150.25"), "basis": "log",
        }  # fmt: skip
        assert second["price"] == 150
        flow.until(lambda: len(market.stored()) == 2)
        market.write(AlertRule("b-1", "bert", "MSFT", "below", "20", version=2))
        market.delete("a-1")
        flow.until(market.is_armed)
        market.trade(1, "AAPL", "140")
        market.trade(1, "AAPL", "160")
        market.trade(1, "MSFT", "13")
        flow.until(lambda: len(market.streamed()) == 3)
        assert market.streamed()[-1]["rule"] == "b-1"


@pytest.mark.thorough
def test_kills_lose_nothing_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    market = RuleMarket(settings, seed=4)
    with running(settings, tmp_path / "log") as flow:
        for symbol in SYMBOLS:
            market.trade(1, symbol)
        market.some_rules(60)
        flow.until(market.is_armed)
        for _ in range(KILLS):
            for _ in range(market.chance.randrange(3, 12)):
                market.trade(40)
                if market.chance.random() < 0.3:
                    market.some_rules(3)
                if market.chance.random() < 0.3:
                    old = market.rules[market.chance.choice(sorted(market.rules))]
                    moved = Decimal(old.threshold) + Decimal(market.chance.randrange(-50, 51)) / 100
                    market.write(replace(old, threshold=str(max(moved, Decimal(1))), version=old.version + 1))
            flow.until(lambda: len(market.stored()) > market.chance.randrange(5))
            flow.kill()
            market.trade(30)
            flow.start()
            if market.chance.random() < 0.6:  # else it is killed while it starts
                flow.until(market.is_armed)
        flow.until(market.is_armed)
        market.trade(60)
        expected = market.expected()
        assert len(expected) > 50
        flow.until(lambda: {id_ for id_, _, _ in market.stored()} >= {id_ for id_, _, _ in expected})
        flow.until(lambda: len(market.streamed()) >= len(expected))
        assert sorted(market.stored()) == sorted(expected)
        streamed = [(each["id"], each["price"], each["user"]) for each in market.streamed()]
        assert sorted(streamed) == sorted(expected)


def test_from_rest_to_its_user_over_a_kill(settings: Settings, tmp_path: Path) -> None:
    market = RuleMarket(settings, seed=9)
    names = ("redis_url", "clickhouse_dsn", "clickhouse_database", "kafka_bootstrap", "alert_rules_topic")
    given = {name: getattr(settings, name) for name in names}
    with running(settings, tmp_path / "log") as flow, RestServer(tmp_path, **given) as rest:
        for symbol in SYMBOLS:
            market.trade(1, symbol, "100")
        anna, bert, narrow = rest.token("anna"), rest.token("bert"), rest.token("anna", symbols=("MSFT",))
        body = {"symbol": "AAPL", "condition": "crosses_above", "threshold": 150, "repeat": "every", "rearm": 0.5}
        # The flow makes the topics when it starts.
        flow.until(
            lambda: rest.ask("POST", "/api/alert-rules", token=bert, body=json.dumps(body).encode()).status == 201
        )
        body["threshold"] = 151
        rule = rest.ask("POST", "/api/alert-rules", token=anna, body=json.dumps(body).encode()).json()
        flow.until(lambda: rule["id"] in market.armed())
        with Listening(rest, token=anna) as hers, Listening(rest, token=narrow) as narrowed:
            for price in ("149", "152", "149", "153"):
                market.trade(1, "AAPL", price)
            first, second = hers.events(2)
            for event, place, price in ((first, 2, 152), (second, 4, 153)):
                trade = [each for each in market.trades if each.symbol == "AAPL"][place]
                assert event["event"] == "price_alert"
                assert event["data"] == {
                    "symbol": "AAPL", "price": price, "alert_type": "threshold_exceeded", "threshold": 151,
                    "direction": "above", "id": f"{rule['id']}:{trade.offset}", "rule": rule["id"],
                    "sequence": trade.offset, "timestamp": trade.event_time_us // 1000, "note": "",
                    "series": "price", "window": "", "value": price, "basis": "log",
                }  # fmt: skip
            flow.kill()
            market.trade(1, "AAPL", "149")
            flow.start()
            market.trade(1, "AAPL", "154")
            (third,) = hers.events(1)
            assert third["data"]["price"] == 154
            with Listening(rest, token=anna, last_event_id=first["id"]) as again:
                assert [each["data"]["price"] for each in again.events(2)] == [153, 154]
            msft = json.dumps({"symbol": "MSFT", "condition": "below", "threshold": 50}).encode()
            assert rest.ask("POST", "/api/alert-rules", token=narrow, body=msft).status == 201
            flow.until(lambda: len(market.armed()) == 3)
            market.trade(1, "MSFT", "49")
            (only,) = narrowed.events(1)
            assert only["data"]["symbol"] == "MSFT"
