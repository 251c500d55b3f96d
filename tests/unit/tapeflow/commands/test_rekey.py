"""``tapeflow rekey``: topics that can't be meant are one line before anything is asked."""

import pytest

from tapeflow.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rekey"], "rekey_topic"),
        (["rekey", "--to", "trades", "--topic", "trades"], "trades"),
        (["rekey", "--to", "no topic!"], "TAPEFLOW_REKEY_TOPIC"),
    ],
)
def test_topics_that_cannot_be_meant(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said.lower() in line.lower()
