"""What is said about settings: the name, the value as it was written, what is allowed; and never a secret."""

from pathlib import Path

import pytest

from runtime.settings.whole import Settings, load_settings
from runtime.settings.words import allowed_values, describe_fields, masked, unknown
from schemas.errors import SettingError

FIELDS = Settings.model_fields


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("kafka_topic", "trades", "trades"),
        ("clickhouse_dsn", "clickhouse://me:p@ss@host/db?x=1", "clickhouse://***@host/db?x=1"),
        ("redis_url", "redis://host/0?password=p&db=1", "redis://host/0?password=***&db=1"),
        ("schema_registry_password", "p", "***"),
        ("schema_registry_password", "", ""),
        ("kafka_properties", {"sasl.password": "p", "client.id": "me"}, {"sasl.password": "***", "client.id": "me"}),
    ],
)
def test_secrets_are_masked(name: str, value: object, shown: object) -> None:
    assert masked(FIELDS[name], value) == shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dead_letters_from", "one of history, live, both, none"),
        ("dedupe", "true or false"),
        ("kafka_properties", "JSON object"),
        ("recovery_dir", "path"),
        ("kafka_bootstrap", "text"),
        ("gateway_origins", "list, with commas"),
    ],
)
def test_what_is_allowed_in_words(name: str, words: str) -> None:
    assert allowed_values(FIELDS[name]) == words


def test_a_name_that_is_none_gets_the_nearest_that_is_spelled_for_its_place() -> None:
    known = ["TAPEFLOW_KAFKA_TOPIC", "TAPEFLOW_REDIS_URL"]
    assert unknown("TAPEFLOW_KAFKA_TOPICS", known).mend == "did you mean TAPEFLOW_KAFKA_TOPIC?"
    assert unknown("kafka_topics", known, "t.toml").mend == "did you mean kafka_topic?"
    assert "docs/settings.md" in str(unknown("TAPEFLOW_XYZ", known).mend)
    assert unknown("TAPEFLOW_STREAM_LENGTH_MAX", known).what == "no such setting any more"


def test_a_wrong_value_is_named_with_its_place_and_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError) as refused:
        load_settings(out_of_order_ms=-1)
    assert str(refused.value).startswith("TAPEFLOW_OUT_OF_ORDER_MS is -1: allowed is whole number 0..")
    path = tmp_path / "t.toml"
    path.write_text("out_of_order_ms = -5\n")
    monkeypatch.setenv("TAPEFLOW_CONFIG", str(path))
    with pytest.raises(SettingError, match=rf"out_of_order_ms in {path}\) is -5"):
        load_settings()
    path.write_text("out_of_order_ms = \n")
    with pytest.raises(SettingError, match="can't read the settings file"):
        load_settings()


def test_a_secret_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", "{hidden")
    with pytest.raises(SettingError) as refused:
        load_settings()
    assert str(refused.value) == "TAPEFLOW_KAFKA_PROPERTIES is '***': allowed is JSON object"


def test_the_table_has_a_row_for_each_setting() -> None:
    rows = describe_fields(FIELDS).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [f"TAPEFLOW_{name.upper()}" for name in FIELDS]
    assert all(row.count("|") - row.count("\\|") == 5 for row in rows)
