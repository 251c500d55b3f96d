"""Settings of topics: the dead letters lie beside the trades unless they are told otherwise."""

import pytest

from runtime.settings.whole import load_settings
from schemas.errors import SettingError


def test_the_dead_letters_are_named_after_the_topic() -> None:
    assert load_settings(kafka_topic="ticks").dead_letter_topic == "ticks.dead-letter"
    assert load_settings(kafka_topic="ticks", dead_letter_topic="bad").dead_letter_topic == "bad"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kafka_bootstrap", "host"),
        ("kafka_topic", "no topic!"),
        ("kafka_start", "yesterday"),
        ("dead_letters_from", "nobody"),
        ("schema_registry_url", "registry:8081"),
    ],
)
def test_what_can_be_no_topic_or_broker_is_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        load_settings(**{name: value})
    assert f"TAPEFLOW_{name.upper()} is '{value}'" in str(refused.value)


def test_passwords_are_in_no_text() -> None:
    properties = {"sasl.password": "hidden", "client.id": "me"}
    settings = load_settings(kafka_properties=properties, schema_registry_password="hidden")
    assert "hidden" not in repr(settings) or settings.kafka_properties == properties
