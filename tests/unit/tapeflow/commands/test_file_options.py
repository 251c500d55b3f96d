"""Options of files become FileOptions, or a line that names the option; what was taken for granted is told."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from connectors.files.places import FilePlace
from connectors.files.reader import TradeFile, read_trades
from runtime.settings.whole import Settings
from schemas.errors import SettingError
from tapeflow.commands.file_options import WrittenAs, file_options, tell_reading

NONE = WrittenAs(None, None, None, None, None)
ROW = "1700000000,A,1.5,2\n"


def test_what_is_not_given_comes_from_the_settings() -> None:
    settings = Settings(field_map={"price": "p"}, time_unit="ms", round_numbers=True)
    options = file_options(settings, NONE)
    assert (options.field_map, options.time_unit, options.words.round_numbers) == ({"price": "p"}, "ms", True)
    assert (options.layouts, options.symbol, options.columns, options.decimal_comma) == ((), "", (), None)
    assert file_options(settings, NONE, {}).field_map == {}


def test_what_is_given_is_checked_at_once() -> None:
    options = file_options(Settings(), WrittenAs("kraken", "{name}", "event_time, price,size,_", "GBK", True))
    assert [layout.name for layout in options.layouts] == ["kraken"]
    assert (options.columns, options.encoding) == (("event_time", "price", "size", "_"), "gbk")
    for written, where in (
        (NONE._replace(columns="price,_,_"), "--columns"),
        (NONE._replace(encoding="utf-9"), "--encoding"),
        (NONE._replace(layout="nobody"), "--layout"),
    ):
        with pytest.raises(SettingError) as refused:
            file_options(Settings(), written)
        assert refused.value.where == where


def test_each_option_has_its_name_on_the_command_line() -> None:
    assert NONE._replace(decimal_comma=True).options() == {
        "--layout": None, "--symbol": None, "--columns": None, "--encoding": None, "--decimal-comma": True,
    }  # fmt: skip


def test_files_that_were_read_alike_are_told_in_one_line_and_empty_ones_by_name(tmp_path: Path) -> None:
    files = []
    for name, rows in (("a.csv", 1), ("b.csv", 2), ("c.csv", 0)):
        (tmp_path / name).write_text("event_time,symbol,price,size\n" + ROW * rows)
        files.append(TradeFile(FilePlace(tmp_path / name, name)))
        assert sum(map(len, read_trades(files[-1]))) == rows
    shown = io.StringIO()
    tell_reading(Console(file=shown, width=200), files)
    assert shown.getvalue().splitlines() == ["c.csv: no row", "a.csv and 2 more: unit of times by their size"]
