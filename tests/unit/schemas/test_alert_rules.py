"""What a rule may say, and what a firing is called."""

import msgspec
import pytest

from schemas.alert_rules import CONDITIONS, DIRECTIONS, STATES, AlertRule, Firing, RuleTerms, fault_of, firing_id

GOOD = RuleTerms("a-1", "AAPL", "crosses_above", "150.25")


def test_a_good_rule_has_no_fault() -> None:
    assert fault_of(GOOD) == ""
    assert fault_of(AlertRule("a", "anna", "AAPL", "below", "0.0000000001", rearm="0.1", expires_at_ms=1)) == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", "", "id has"),
        ("id", "a|b", "id has"),
        ("id", "x" * 65, "id has"),
        ("threshold", "0", "threshold must"),
        ("threshold", "-1", "threshold must"),
        ("threshold", "1000000000000000000", "threshold must"),
        ("threshold", "1e2", "threshold must"),
        ("threshold", "0.000", "threshold must"),
        ("threshold", "0.00000000001", "threshold must"),
        ("threshold", "NaN", "threshold must"),
        ("threshold", "Infinity", "threshold must"),
        ("threshold", "ten", "threshold must"),
        ("threshold", "0" * 50 + "1", "threshold must"),
        ("rearm", "-0.1", "rearm must"),
        ("rearm", "0.00000000001", "rearm must"),
        ("cooldown_ms", -1, "cooldownMs must"),
        ("cooldown_ms", 10**12, "cooldownMs must"),
        ("expires_at_ms", -1, "expiresAt must"),
        ("expires_at_ms", 10**15, "expiresAt must"),
        ("version", 0, "version must"),
    ],
)
def test_each_fault_is_named(field: str, value: object, words: str) -> None:
    assert fault_of(msgspec.structs.replace(GOOD, **{field: value})).startswith(words)


def test_nothing_falls_by_all_of_it() -> None:
    assert fault_of(RuleTerms("a", "A", "falls_by", "99.9")) == ""
    assert fault_of(RuleTerms("a", "A", "falls_by", "100")).startswith("threshold of a fall")
    assert fault_of(RuleTerms("a", "A", "rises_by", "100")) == ""


def test_words_are_those_of_the_wire() -> None:
    assert tuple(DIRECTIONS) == CONDITIONS
    assert STATES == ("armed", "waiting", "fired", "expired")
    rule = msgspec.json.decode(b'{"id":"a","user":"u","symbol":"A","condition":"above","threshold":"1","cooldownMs":5}',
                               type=AlertRule)  # fmt: skip
    assert (rule.cooldown_ms, rule.repeat, rule.version) == (5, "once", 1)


def test_a_firing_is_named_by_rule_and_trade() -> None:
    rule = AlertRule("a-1", "anna", "AAPL", "above", "1")
    assert Firing(0, 17, 0, 0, 5, 6, 7, 8, rule, 9, 17).id == firing_id("a-1", 17) == "a-1:17"
    assert Firing(0, 17, 2, 0, 5, 6, 7, 8, rule, 9, 17).id == "a-1:17.2"
    silence = msgspec.structs.replace(rule, series="silence")
    assert Firing(0, 17, 2, 0, 5, 6, 7, 8, silence, 9, 11).id == "a-1:11"


def test_a_threshold_suits_the_series() -> None:
    def fault(series: str, threshold: str, condition: str = "above", window: str = "") -> str:
        words = {"series": series, "window": window}
        return fault_of(RuleTerms("a", "A", condition, threshold, **words))  # type: ignore[arg-type]

    assert fault("vwap", "0", "crosses_below", "day") == fault("high", "0.0", window="52w") == ""
    assert fault("rise", "0", window="1h").startswith("threshold must")
    assert (fault("fall", "99", window="1h"), fault("rise", "100", window="1h")) == ("", "")
    assert fault("fall", "100", window="1h").startswith("threshold of a fall")
    assert (fault("silence", "1"), fault("silence", "31622400")) == ("", "")
    assert fault("silence", "0.9").startswith(words := "threshold of a silence")
    assert fault("silence", "31622401").startswith(words)
    assert fault("rise", "1").startswith("window of the series")
