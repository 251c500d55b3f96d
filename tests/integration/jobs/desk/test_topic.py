"""A desk's topic is read whole by the oracle's own reader; what can't be used is counted by its place."""

from pathlib import Path

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from flows.analytics_reading import desk_settings
from flows.reading import read_options
from jobs.desk.topic import read_desk
from runtime.settings.whole import load_settings
from tests.integration.flows.desk_feeding import MINUTE_US, Desk

START_US = 1_760_313_600_000_000


def test_records_and_refusals_of_every_partition(kafka_bootstrap: str, tmp_path: Path) -> None:
    whole = load_settings(kafka_bootstrap=kafka_bootstrap)
    topic = f"routing-{tmp_path.name}"
    desk = Desk(whole, "routing", topic, 2)
    desk.send(40, START_US, MINUTE_US)
    desk.send_raw(b"nonsense", START_US // 1000)
    settings, seen = desk_settings(whole, topic), []
    ranges = ranges_between(read_options(settings), Position("earliest"), Position("latest"))
    found = read_desk(settings, "routing", ranges, lambda done, total: seen.append((done, total)))
    assert len(found.records) == 40
    assert found.refused == {(0, ranges[0][1] - 1)}
    assert seen[-1] == (41, 41)
    assert [len(found.of(each)) for each in (0, 1)] == [ranges[0][1] - 1, ranges[1][1]]
    assert [each.offset for each in found.of(1)] == list(range(ranges[1][1]))
