"""What doctor says of a desk's topics and of those of rules: what is missing, and what would lose something."""

import uuid
from pathlib import Path

import pytest

from jobs.doctor.desk import desk_findings, rules_findings
from runtime.settings.whole import Settings, load_settings
from tests.servers.kafka import make_topic

KINDS = ("routing", "lp", "exposure")


@pytest.fixture
def settings(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    name = uuid.uuid4().hex[:8]
    topics = {f"{kind}_topic": f"{kind}-{name}" for kind in KINDS}
    return load_settings(
        kafka_bootstrap=kafka_bootstrap, kafka_topic=f"trades-{name}", alert_rules_topic=f"rules-{name}", **topics
    )


def said(findings: object) -> list[tuple[str, str]]:
    return [(each.state, each.what) for each in findings]  # type: ignore[attr-defined]


def test_a_desk(settings: Settings) -> None:
    where = settings.kafka_bootstrap
    [(state, what)] = said(desk_findings(settings))
    assert state == "ok"
    assert what.startswith("no desk")
    make_topic(where, settings.routing_topic, 4)
    make_topic(where, settings.exposure_topic, 2)
    assert said(desk_findings(settings)) == [
        ("ok", "4 partitions, 0 records kept"),
        ("warning", "isn't there: `tapeflow run analytics` would refuse to start"),
        ("warning", "2 partitions, 0 records kept; totals and levels are of a partition"),
    ]


def test_rules(settings: Settings) -> None:
    where, rules = settings.kafka_bootstrap, settings.alert_rules_topic
    assert said(rules_findings(settings)) == [("ok", "isn't there: `tapeflow run alerts` makes it")] * 2
    make_topic(where, settings.kafka_topic, 3)
    make_topic(where, rules, 1, {"cleanup.policy": "delete"})
    make_topic(where, rules + ".armed", 2, {"cleanup.policy": "compact"})
    assert said(rules_findings(settings)) == [
        ("failed", "cleanup.policy is delete: rules are forgotten with their records"),
        ("failed", f"2 partitions, and {settings.kafka_topic} has 3"),
    ]


def test_rules_that_are_kept(settings: Settings) -> None:
    make_topic(settings.kafka_bootstrap, settings.alert_rules_topic, 1, {"cleanup.policy": "compact"})
    make_topic(settings.kafka_bootstrap, settings.alert_rules_topic + ".armed", 2, {"cleanup.policy": "compact"})
    assert said(rules_findings(settings)) == [("ok", "1 partitions, compacted"), ("ok", "2 partitions, compacted")]
