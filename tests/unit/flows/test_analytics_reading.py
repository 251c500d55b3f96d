"""A desk's topics and rules from settings."""

from decimal import Decimal

import pytest

from core.analytics.rules import DeskRules, FeedRules
from flows.analytics_reading import desk_rules, desk_settings, desk_topics, feed_rules
from runtime.settings.whole import load_settings
from schemas.errors import SettingError


def test_topics_are_those_of_the_kinds_that_are_read() -> None:
    assert list(desk_topics(load_settings())) == ["routing", "lp", "exposure"]
    assert desk_topics(load_settings(analytics_kinds="exposure", exposure_topic="e")) == {"exposure": "e"}
    for kinds in (",", "routing,orders"):
        with pytest.raises(SettingError, match=r"ANALYTICS_KINDS.*some of routing, lp, exposure"):
            load_settings(analytics_kinds=kinds)


def test_a_topic_has_dead_letters_of_its_own() -> None:
    settings = desk_settings(load_settings(kafka_topic="trades"), "routing-decisions")
    assert (settings.kafka_topic, settings.dead_letter_topic) == (
        "routing-decisions",
        "routing-decisions.dead-letter",
    )


def test_rules_are_those_of_trades_and_the_limit() -> None:
    settings = load_settings(out_of_order_ms=1, lateness_ms=2, decisions_passed_per_s=3, source_epoch=4)
    assert desk_rules(settings) == DeskRules(1000, 2000, 3, 4)
    settings = load_settings(exposure_limit=Decimal("1.5"), lp_up_statuses="a,b", lp_silence_ms=1000)
    rules = desk_rules(settings)
    assert (rules.exposure_limit, rules.lp_up, rules.lp_silence_us) == (15 * 10**9, {"a", "b"}, 1_000_000)
    settings = load_settings(
        routing_reject_percent=5,
        routing_execution_ms=7,
        routing_alert_decisions_min=8,
        routing_rejections="NO,NEVER",
    )
    assert desk_rules(settings)[-4:] == (5, 7000, 8, frozenset({"NO", "NEVER"}))


def test_alerts_about_trades_are_named() -> None:
    settings = load_settings(
        trade_alerts="stale,gaps", trade_silence_ms=1000, trade_alert_clear_ms=2000, trade_jump_deviations=3
    )
    assert feed_rules(settings) == FeedRules(frozenset({"stale", "gaps"}), 1_000_000, 2_000_000, 3)
    assert feed_rules(load_settings()).kinds == frozenset()
    with pytest.raises(SettingError, match=r"TRADE_ALERTS.*some of gaps, crossed, jumps, stale"):
        load_settings(trade_alerts="gaps,holes")


def test_levels_that_overlap_are_refused() -> None:
    with pytest.raises(SettingError, match="TAPEFLOW_EXPOSURE_WARNING_CLEAR_PERCENT"):
        desk_rules(load_settings(exposure_warning_clear_percent=80))
