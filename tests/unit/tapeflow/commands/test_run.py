"""``tapeflow run``: a flow that isn't one is one line, and so is what the flow would miss, before a worker starts."""

from dataclasses import replace

import pytest

from flows.reading import read_options
from tapeflow.cli import main
from tapeflow.commands.run import FlowName


def test_the_flows_that_run_for_ever() -> None:
    assert [each.value for each in FlowName] == ["live", "history", "alerts", "analytics", "quotes"]


@pytest.mark.parametrize(
    "words", [["run"], ["run", "rekey"], ["run", "live", "--processes", "0"], ["run", "history", "--standby"]]
)
def test_wrong_words_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flows.preflight.read_options", lambda chosen: replace(read_options(chosen), timeout_ms=500))
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    assert main(["run", "history", "--processes", "2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "127.0.0.1:1" in line
