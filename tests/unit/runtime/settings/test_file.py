"""A file's values are taken as they stand: true is no number, though Python says so."""

from pathlib import Path

import pytest

from runtime.settings.whole import load_settings
from schemas.errors import SettingError


def loaded(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> object:
    path = tmp_path / "tapeflow.toml"
    path.write_text(text)
    monkeypatch.setenv("TAPEFLOW_CONFIG", str(path))
    return load_settings()


@pytest.mark.parametrize(
    ("text", "name"),
    [("out_of_order_ms = true", "OUT_OF_ORDER_MS"), ('lateness_ms_by_interval = {"1m" = false}', "LATENESS")],
)
def test_true_is_no_number(tmp_path: Path, text: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError) as refused:
        loaded(tmp_path, text, monkeypatch)
    assert name in str(refused.value)


def test_a_number_is_one_and_a_flag_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(tmp_path, "out_of_order_ms = 7\ndedupe = true\n", monkeypatch)
    assert (settings.out_of_order_ms, settings.dedupe) == (7, True)  # type: ignore[attr-defined]
