"""``tapeflow replay``: options that can't go together, or name no table, are one line before a server is asked."""

import pytest

from schemas.errors import SettingError
from tapeflow.cli import main
from tapeflow.commands.replay import _table as table_of


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--diff"], "add --dry-run"),
        (["--diff", "--dry-run", "--into", "bars.csv"], "a file is not compared"),
        (["--into", "my-bars"], "no table and no file"),
        (["--into", "/nowhere/at/all/bars.csv"], "/nowhere/at/all"),
    ],
)
def test_options_that_cannot_be_meant(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_table_is_of_the_settings_database_unless_it_names_another() -> None:
    assert table_of("bars_again", "market") == "market.bars_again"
    assert table_of("other.bars", "market") == "other.bars"
    for name in ("a.b.c", "1st", "a-b", "", "é"):
        with pytest.raises(SettingError):
            table_of(name, "market")
