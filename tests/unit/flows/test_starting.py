"""A flow's factory under Bytewax's runner and under a caller of its own."""

import pytest

from flows.starting import fail_in_one_line, one_line_errors, start_flow
from runtime.settings.whole import load_settings
from runtime.stopping import StopSignal
from schemas.errors import PeerGone, SettingError, Unreachable


@one_line_errors
def build(settings: object = None) -> str:
    raise Unreachable("Kafka does not answer", where="k:1", mend="start it")


def test_without_arguments_an_error_is_a_line_and_an_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build()
    assert ended.value.code == 2
    assert capfd.readouterr().err == "tapeflow: Kafka does not answer (k:1): start it\n"


def test_a_caller_with_settings_gets_the_error() -> None:
    with pytest.raises(Unreachable):
        build(load_settings())


def test_the_exit_code_is_the_errors(capfd: pytest.CaptureFixture[str]) -> None:
    for error, code in ((PeerGone("no"), 3), (SettingError("no"), 2)):
        with pytest.raises(SystemExit) as ended:
            fail_in_one_line(error)
        assert ended.value.code == code
    capfd.readouterr()


def test_given_settings_are_taken_as_they_are() -> None:
    settings, stop = load_settings(), StopSignal()
    assert start_flow(settings, stop) == (settings, stop)


def test_a_wrong_setting_of_the_environment_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_DEDUPE", "perhaps")
    with pytest.raises(SystemExit) as ended:
        start_flow(None, None)
    assert ended.value.code == 2
    assert "TAPEFLOW_DEDUPE" in capfd.readouterr().err
