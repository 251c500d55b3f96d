import pytest

from connectors.kafka.options import KafkaReadOptions, Position
from schemas.errors import SettingError


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("earliest", Position("earliest")),
        (" latest ", Position("latest")),
        ('{"0": 42, "11": 0}', Position("offsets", offsets={0: 42, 11: 0})),
        ("1970-01-01T00:00:01.5Z", Position("time", time_ms=1500)),
        ("1970-01-01T01:00:00+01:00", Position("time", time_ms=0)),
        ("1970-01-02", Position("time", time_ms=86_400_000)),
    ],
)
def test_positions_are_read_from_text(text: str, position: Position) -> None:
    assert Position.parse(text) == position
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text", ["", "newest", "42", '{"0": -1}', '{"a": 1}', '{"0"', "{}x", "2026-13-01", '{"0": null}']
)
def test_other_texts_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingError, match="is no position in a topic"):
        Position.parse(text)


def test_users_properties_reach_the_client_and_win_over_defaults() -> None:
    options = KafkaReadOptions(
        bootstrap="b:1", topic="t", properties={"security.protocol": "SASL_SSL", "group.id": "mine"}
    )
    properties = options.consumer_properties()
    assert properties["security.protocol"] == "SASL_SSL"
    assert properties["group.id"] == "mine"
    assert properties["bootstrap.servers"] == "b:1"
    assert options.client_properties() == {**options.properties, "bootstrap.servers": "b:1"}


@pytest.mark.parametrize("name", ["enable.auto.commit", "auto.offset.reset", "enable.partition.eof"])
def test_properties_that_exactness_rests_on_are_locked(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        KafkaReadOptions(bootstrap="b:1", topic="t", properties={name: "smallest"})


def test_memory_for_reading_ahead_is_shared_among_queues() -> None:
    options = KafkaReadOptions(bootstrap="b:1", topic="t")
    assert options.consumer_properties(4)["queued.max.messages.kbytes"] == 8_192
    assert options.consumer_properties(1000)["queued.max.messages.kbytes"] == 1_024


@pytest.mark.parametrize("wrong", [{"bootstrap": ""}, {"topic": ""}, {"batch_records_max": 0}])
def test_options_without_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        KafkaReadOptions(**{"bootstrap": "b:1", "topic": "t", **wrong})  # type: ignore[arg-type]
