"""What rules fired against the oracle, by the verb: equal, and what is lost is told with exit code 1."""

from pathlib import Path

import pytest

from runtime.settings.whole import Settings, load_settings
from schemas.alert_rules import AlertRule
from tapeflow.cli import main
from tests.integration.flows.desk_feeding import rows_of
from tests.integration.flows.market_feeding import environment
from tests.integration.flows.rule_market import PARTITIONS, RuleMarket, running
from tests.servers.kafka import make_topic


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    names = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path)
    names |= {"TAPEFLOW_REDIS_URL": redis_url, "TAPEFLOW_EPOCH_MS": "300"}
    names["TAPEFLOW_ALERT_RULES_TOPIC"] = names["TAPEFLOW_KAFKA_TOPIC"] + "-rules"
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    made = load_settings()
    make_topic(kafka_bootstrap, made.kafka_topic, PARTITIONS)
    return made


def test_the_verb_holds_firings_against_the_oracle(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = RuleMarket(settings, seed=1)
    with running(settings, tmp_path / "log") as flow:
        market.trade(1, "AAPL", "149")
        market.write(AlertRule("a-1", "anna", "AAPL", "crosses_above", "150", "every", "0.5"))
        flow.until(market.is_armed)
        for price in ("151", "149", "152"):
            market.trade(1, "AAPL", price)
        flow.until(lambda: len(market.stored()) == 2)
    capsys.readouterr()
    assert main(["verify", "--kind", "alerts"]) == 0
    assert capsys.readouterr().out == "2 rows compared, 0 differ\n"
    rows_of(settings, "ALTER TABLE {db}.price_alerts DELETE WHERE price = 152")
    assert main(["verify", "--kind", "alerts", "--json"]) == 1
    assert '"compared": 2' in capsys.readouterr().out
