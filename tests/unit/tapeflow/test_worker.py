"""From what the engine raises to one line and an exit code."""

import os
import sys

import pytest
from bytewax.recovery import MissingPartitionsError

from schemas.errors import OffsetExpired, StateIncompatible
from tapeflow.worker import cause_of, engine_errors, main


def wrapped(cause: Exception) -> Exception:
    """As the engine does: twice, once with and once without ``from``."""
    try:
        try:
            try:
                raise cause
            except Exception as error:
                raise RuntimeError("error calling a step") from error
        except RuntimeError:
            raise ValueError("error building")  # noqa: B904 - as the engine does
    except ValueError as error:
        return error


def test_our_error_is_found_down_the_chain() -> None:
    expired = OffsetExpired("offset 5 is gone")
    assert cause_of(wrapped(expired)) is expired
    assert cause_of(wrapped(KeyError("x"))) is None
    assert cause_of(None) is None


def test_the_engines_own_complaint_about_its_files_is_a_line() -> None:
    found = cause_of(wrapped(MissingPartitionsError("Missing recovery partitions {1} of 3")))
    assert isinstance(found, StateIncompatible)
    assert found.exit_code == 2
    assert "isn't whole" in str(found)


def test_what_native_code_prints_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    with engine_errors() as native:
        os.write(2, b"backtrace of the engine\n")
        sys.stderr.write("a line of ours\n")
        native.seek(0)
        assert native.read() == b"backtrace of the engine\n"
    assert capfd.readouterr().err == "a line of ours\n"


def test_a_wrong_setting_is_a_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_EPOCH_MS", "soon")
    with pytest.raises(SystemExit) as ended:
        main(["live"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("tapeflow: ")
    assert "TAPEFLOW_EPOCH_MS" in said
    assert said.count("\n") == 1
