"""Settings as users meet them: where values come from, and the one line that a wrong one gives."""

import os
from pathlib import Path

import pytest

from runtime.settings.whole import Settings, describe_settings, load_settings
from schemas.errors import SettingError

DOCS = Path(__file__).parents[4] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("TAPEFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def line_of(**overrides: object) -> str:
    with pytest.raises(SettingError) as caught:
        load_settings(**overrides)
    assert caught.value.exit_code == 2
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults_need_nothing() -> None:
    settings = load_settings()
    assert settings.kafka_bootstrap == "127.0.0.1:9092"
    assert settings.dead_letter_topic == "trades.dead-letter"
    assert (settings.lateness_ms, settings.lateness_ms_by_interval) == (60_000, {})


def test_arguments_beat_variables_beat_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tapeflow.toml").write_text('kafka_topic = "file"\nconflation_ms = 7\nepoch_ms = 700\n')
    monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", "variable")
    monkeypatch.setenv("TAPEFLOW_EPOCH_MS", "800")
    settings = load_settings(kafka_topic="argument", epoch_ms=None)
    assert (settings.kafka_topic, settings.epoch_ms, settings.conflation_ms) == ("argument", 800, 7)
    assert settings.dead_letter_topic == "argument.dead-letter"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_METRICS_PORT", "")
    assert load_settings().metrics_port == 0


def test_config_variable_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text('kafka_properties = { "security.protocol" = "SSL" }\nlateness_ms_by_interval = { "1d" = 5 }\n')
    monkeypatch.setenv("TAPEFLOW_CONFIG", str(path))
    settings = load_settings()
    assert settings.kafka_properties == {"security.protocol": "SSL"}
    assert settings.lateness_ms_by_interval == {"1D": 5}
    monkeypatch.setenv("TAPEFLOW_CONFIG", str(tmp_path / "gone.toml"))
    assert "TAPEFLOW_CONFIG names no file" in line_of()


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("CONFLATION_MS", "-5", ["TAPEFLOW_CONFLATION_MS is '-5'", "whole number 0..60000", "ms"]),
        ("CONFLATION_MS", "soon", ["'soon'", "whole number"]),
        ("VALUE_FORMAT", "xml", ["TAPEFLOW_VALUE_FORMAT is 'xml'", "one of confluent, avro, json"]),
        ("KAFKA_BOOTSTRAP", "broker", ["'broker'", "host:port"]),
        ("KAFKA_START", "yesterday", ["'yesterday'", "earliest, latest, a time"]),
        ("KAFKA_START", "2026-01-31T09:30:00", ["a time such as"]),
        ("REDIS_URL", "http://x", ["redis:// or rediss://"]),
        ("FIELD_MAP", '{"volume": "v"}', ["ours being one of symbol, price"]),
        ("FIELD_MAP", "{", ["TAPEFLOW_FIELD_MAP is '{'", "JSON object"]),
        ("LATENESS_MS_BY_INTERVAL", '{"10m": 5}', ["allowed is an object with keys of 1m, 5m, 15m"]),
        ("LATENESS_MS_BY_INTERVAL", '{"1m": -5}', ["whole number 0.."]),
        ("WRITE_TRADES", "perhaps", ["'perhaps'", "true or false"]),
        ("FUTURE_MS", "100000000000000000", ["whole number 0..31622400000"]),
        ("SOURCE_EPOCH", "512", ["'512'", "0..511"]),
        ("KAFKA_TOPC", "x", ["no such setting (TAPEFLOW_KAFKA_TOPC)", "did you mean TAPEFLOW_KAFKA_TOPIC?"]),
        ("STREAM_LENGTH_MAX", "9", ["no such setting any more", "set TAPEFLOW_STREAM_MINUTES_MAX and"]),
        ("XYZZY", "1", ["no such setting", "docs/settings.md"]),
    ],
)
def test_a_wrong_variable_is_one_line(
    variable: str, value: str, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TAPEFLOW_{variable}", value)
    text = line_of()
    for part in parts:
        assert part in text


def test_wrong_keys_and_values_of_the_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "tapeflow.toml"
    path.write_text("conflation_ms = 99999999\n")
    assert "TAPEFLOW_CONFLATION_MS (conflation_ms in tapeflow.toml) is 99999999" in line_of()
    path.write_text("conflation = 5\n")
    assert "no such setting (conflation in tapeflow.toml): did you mean conflation_ms?" in line_of()
    path.write_text("TAPEFLOW_CONFLATION_MS = 5\n")
    assert "(TAPEFLOW_CONFLATION_MS in tapeflow.toml): did you mean conflation_ms?" in line_of()
    path.write_text("lateness_ms = true\n")
    assert "TAPEFLOW_LATENESS_MS (lateness_ms in tapeflow.toml) is True: allowed is whole number 0.." in line_of()
    path.write_text('lateness_ms_by_interval = { "1m" = false }\n')
    assert "lateness_ms_by_interval in tapeflow.toml" in line_of()
    path.write_text("write_trades = false\n")
    assert load_settings().write_trades is False
    path.write_text("conflation_ms: 5\n")
    assert "can't read the settings file" in line_of()


def test_an_unknown_argument_is_refused() -> None:
    assert "no such setting (kafka_topics): did you mean TAPEFLOW_KAFKA_TOPIC?" in line_of(kafka_topics="x")


def test_several_mistakes_are_counted() -> None:
    assert "(and 1 more wrong)" in line_of(conflation_ms=-1, epoch_ms=0)


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", '{"sasl.password": "hunter2", "client.id": "me"}')
    settings = load_settings(
        schema_registry_password="hunter2",
        redis_url="redis://me:hunter2@host:6379",
        clickhouse_dsn="clickhouse://me:hunter2@host",
    )
    for text in (repr(settings), str(settings), f"{settings!r:s}"):
        assert "hunter2" not in text
        assert "redis://***@host:6379" in text
        assert "'client.id': 'me'" in text
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", '["hunter2"]')
    assert "hunter2" not in line_of()
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", '{"hunter2"}')
    assert "hunter2" not in line_of()
    monkeypatch.delenv("TAPEFLOW_KAFKA_PROPERTIES")
    assert "hunter2" not in line_of(redis_url="http://me:hunter2@host")


def test_secrets_of_the_registry_are_never_printed() -> None:
    settings = load_settings(
        schema_registry_url="http://a:8081,https://me:hunter2@b:8081",
        schema_registry_properties={
            "basic.auth.user.info": "me:hunter2",
            "bearer.auth.token": "hunter2",
            "bearer.auth.client.secret": "hunter2",
            "ssl.key.password": "hunter2",
            "proxy": "http://me:hunter2@proxy",
            "ssl.ca.location": "/ca.pem",
        },
    )
    for text in (repr(settings), str(settings), str(settings.changed())):
        assert "hunter2" not in text
        assert "'ssl.ca.location': '/ca.pem'" in text
        assert "http://a:8081,https://***@b:8081" in text


@pytest.mark.parametrize("urls", ["http://a:8081,b:8081", "http://a,,http://b", "http://a,", "redis://a"])
def test_several_addresses_of_the_registry(urls: str) -> None:
    assert "SCHEMA_REGISTRY_URL" in line_of(schema_registry_url=urls)
    assert load_settings(schema_registry_url="http://a, https://b/x").schema_registry_url == "http://a,https://b/x"


@pytest.mark.parametrize("key", ["password", "Password", "ssl_password"])
def test_secrets_in_the_query_of_a_url_are_never_printed(key: str) -> None:
    text = repr(load_settings(redis_url=f"redis://host:6379/0?db=1&{key}=hunter2&timeout=3"))
    assert f"redis://host:6379/0?db=1&{key}=***&timeout=3" in text


def test_a_child_gets_the_same_settings_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_CONFLATION_MS", "50")
    settings = load_settings(
        conflation_ms=20, dedupe=True, field_map={"size": "qty"}, lateness_ms_by_interval={"1w": 9}
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_file_fills_in_nothing_for_a_child_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An open gateway's process asked for tokens because a file had a secret."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    Path("tapeflow.toml").write_text('gateway_token_secret = "of a file"\n')
    assert load_settings().gateway_token_secret == "of a file"
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.kafka_topic = "other"  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert len(field.description) > 20, name


def test_the_page_of_settings_is_the_generated_one() -> None:
    page = DOCS.read_text("utf-8")
    assert page.endswith(describe_settings()), "docs/settings.md is old: run make docs"
