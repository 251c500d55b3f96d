"""The script that keeps the view of rules; tests/integration/sinks/redis/test_price_alerts.py runs it."""

from schemas.rule_view import KEEP_RULES, RuleView


def test_the_script_and_what_it_takes() -> None:
    assert KEEP_RULES.startswith("-- ARGV")
    assert RuleView("anna", "a", 1, b"{}").text == b"{}"
