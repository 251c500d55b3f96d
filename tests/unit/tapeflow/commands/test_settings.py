"""``tapeflow settings``: what is in force, secrets as ***."""

import json
from pathlib import Path

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


def test_what_differs_is_shown_beside_its_default_and_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("lateness_ms = 1000\n")
    monkeypatch.setenv("TAPEFLOW_CONFIG", str(file))
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", URL)
    assert main(["settings", "--diff", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["lateness_ms"]["value"] == 1000
    assert shown["lateness_ms"]["from"] == f"the file {file}"
    assert shown["clickhouse_dsn"] == {
        "value": "clickhouse://***@host:9000",
        "default": Settings.model_fields["clickhouse_dsn"].default,
        "from": "the variable TAPEFLOW_CLICKHOUSE_DSN",
    }
    assert "kafka_topic" not in shown
    assert main(["settings", "--diff"]) == 0
    table = capsys.readouterr().out
    assert "TAPEFLOW_LATENESS_MS" in table
    assert "TAPEFLOW_KAFKA_TOPIC" not in table
    assert "hidden" not in table


@pytest.mark.parametrize("name", ["lateness_ms", "TAPEFLOW_LATENESS_MS", "lateness-ms"])
def test_one_setting_is_explained(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_LATENESS_MS", "1234")
    assert main(["settings", "--explain", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith("TAPEFLOW_LATENESS_MS")
    assert str(Settings.model_fields["lateness_ms"].description) in said
    assert "1234 ms, from the variable TAPEFLOW_LATENESS_MS" in said
    assert "whole number" in said
    assert main(["settings", "--explain", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "1234"


def test_a_secret_is_explained_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_SCHEMA_REGISTRY_PASSWORD", "hidden")
    assert main(["settings", "--explain", "schema_registry_password"]) == 0
    said = capsys.readouterr().out
    assert "***, from the variable" in said
    assert "hidden" not in said


def test_a_name_that_is_none_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--explain", "latenes_ms"]) == 2
    assert "did you mean TAPEFLOW_LATENESS_MS?" in capsys.readouterr().err
