"""``tapeflow settings``: what is in force, secrets as ***."""

import json

import pytest

from runtime.settings.whole import Settings
from tapeflow.cli import main

URL = "clickhouse://me:hidden@host:9000"


def test_every_setting_is_shown_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", URL)
    monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", "mine")
    assert main(["settings", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == set(Settings.model_fields)
    assert (shown["kafka_topic"], shown["clickhouse_dsn"]) == ("mine", "clickhouse://***@host:9000")
    assert main(["settings"]) == 0
    table = capsys.readouterr().out
    assert "TAPEFLOW_KAFKA_TOPIC" in table
    assert "hidden" not in table
