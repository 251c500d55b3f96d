"""``tapeflow forget`` asks first, and takes no for an answer."""

import io

import pytest

from tapeflow.cli import main


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_asks_and_leaves_all_where_the_answer_is_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert main(["forget", "7d1f"]) == 130
    assert "Remove all that is kept of user 7d1f?" in capsys.readouterr().err


def test_without_a_terminal_it_wants_to_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["forget", "7d1f"]) == 2
    assert capsys.readouterr().err == "tapeflow: nobody is there to be asked (forget): give --yes\n"


def test_no_user_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", " ", "--yes"]) == 2
    assert capsys.readouterr().err == "tapeflow: no user given (USER)\n"
