"""A desk's tables against the oracles, over real servers: no difference behind the flow, and what is lost is told."""

from pathlib import Path

import pytest

from flows.analytics_reading import SETTING_OF, desk_settings
from jobs.desk.verify import verify_desk, whole_topic
from runtime.settings.whole import Settings
from schemas.desk import DeskKind
from schemas.errors import InputError
from tests.integration.flows.desk_feeding import MINUTE_US, Desk, rows_of, running

MONDAY_US = 1_760_313_600_000_000


def test_what_the_flow_wrote_is_the_oracles_and_what_is_lost_is_told(settings: Settings, tmp_path: Path) -> None:
    topics: dict[DeskKind, str] = {kind: getattr(settings, name) for kind, name in SETTING_OF.items()}
    desks = {kind: Desk(settings, kind, topic, 2 if kind == "routing" else 1) for kind, topic in topics.items()}
    with running(settings, tmp_path / "analytics.log") as run:
        for minute in range(4):
            for desk in desks.values():
                desk.send(120, MONDAY_US + minute * MINUTE_US, MINUTE_US, late_us=20_000_000)
        for kind, topic in topics.items():
            own = desk_settings(settings, topic)
            # Windows that the clock ends come a moment later: until then they are open, and not compared.
            run.until(lambda kind=kind, own=own: verify_desk(own, kind).compared > 20)
            run.until(lambda kind=kind, own=own: not verify_desk(own, kind).differences)
            assert verify_desk(own, kind).compared > 20
    rows_of(settings, "ALTER TABLE {db}.routing_1m DELETE WHERE routing_decision = 'ABOOK'")
    rows_of(settings, "ALTER TABLE {db}.routing_decisions DELETE WHERE kafka_offset = 3")
    told = [str(each) for each in verify_desk(desk_settings(settings, topics["routing"]), "routing").differences]
    assert any("ABOOK" in each and each.endswith("row: none, not one") for each in told)
    assert {each for each in told if each.startswith("routing_decisions")} == {
        f"routing_decisions {partition} 3 row: none, not one" for partition in (0, 1)
    }


def test_a_topic_without_its_beginning_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.desk.verify.ranges_between", lambda *_: {0: (5, 9)})
    with pytest.raises(InputError, match=r"begins at offset 5.*retention"):
        whole_topic(desk_settings(settings, "exposure"))
