"""A desk's topics and rules from settings."""

import pytest

from core.analytics.rules import DeskRules
from flows.analytics_reading import desk_rules, desk_settings, desk_topics
from runtime.settings.whole import load_settings
from schemas.errors import SettingError


def test_topics_are_those_that_have_a_name() -> None:
    assert desk_topics(load_settings())["routing"] == "routing-decisions"
    with pytest.raises(SettingError, match="TAPEFLOW_ROUTING_TOPIC"):
        desk_topics(load_settings(routing_topic=""))


def test_a_topic_has_dead_letters_of_its_own() -> None:
    settings = desk_settings(load_settings(kafka_topic="trades"), "routing-decisions")
    assert (settings.kafka_topic, settings.dead_letter_topic) == (
        "routing-decisions",
        "routing-decisions.dead-letter",
    )


def test_rules_are_those_of_trades_and_the_limit() -> None:
    settings = load_settings(out_of_order_ms=1, lateness_ms=2, decisions_passed_per_s=3, source_epoch=4)
    assert desk_rules(settings) == DeskRules(1000, 2000, 3, 4)
