"""``tapeflow backup``: what it says, and that a mistake is one line."""

from pathlib import Path

import pytest

from tapeflow.cli import main

pytestmark = pytest.mark.usefixtures("migrated")


def test_it_says_what_it_kept(made: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "kept"]) == 0
    assert capsys.readouterr().out.startswith(f"state of no flow; {made} rows of 1 tables; ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("backup .", "choose a new folder for each backup"),
        ("backup ftp://x/y", "give a folder or s3://bucket/path"),
        ("backup kept --by-server Disk('backups','x')", "ClickHouse doesn't back up there"),
    ],
)
def test_a_mistake_is_one_line(words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "something").touch()
    assert main(words.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert said in line
