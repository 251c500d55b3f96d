"""The alert rules, evaluated by Prometheus' own engine: each fires where it must and is silent where it needn't."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "docker" / "prometheus"
RULES = PROMETHEUS / "alerts.yml"
CASES = Path(__file__).with_name("alerts.yml")


def run(promtool: str, *words: str | Path) -> None:
    done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_and_the_configuration_are_valid(promtool: str) -> None:
    run(promtool, "check", "rules", RULES)
    run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")


def test_alerts_fire_and_stay_silent(promtool: str) -> None:
    run(promtool, "test", "rules", CASES)


def test_every_alert_has_a_case_where_it_fires_and_one_where_it_is_silent() -> None:
    rules: dict[str, Any] = yaml.safe_load(RULES.read_text("utf-8"))
    named = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    cases = [case for test in yaml.safe_load(CASES.read_text("utf-8"))["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == named
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == named
