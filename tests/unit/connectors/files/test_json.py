"""Files of JSON lines: columns are keys, a line is refused by itself, other shapes are said to be so."""

from pathlib import Path
from typing import Any

import pytest

from connectors.files.json import JsonFile, looks_like_json
from connectors.files.places import FilePlace
from connectors.files.reader import TradeFile, read_trades
from connectors.values.column_plan import FileOptions
from schemas.errors import InputError
from schemas.rejects import Reason

LINE = '{"symbol":"A","price":"1.5","size":2,"event_time":1700000000,"m":{"bid":1.4}}\n'


def file_of(tmp_path: Path, text: str, **options: Any) -> TradeFile:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    return TradeFile(FilePlace(path, "t.jsonl"), FileOptions(**options))


def test_lines_are_trades_and_a_bad_one_is_refused_by_itself(tmp_path: Path) -> None:
    batches = list(read_trades(file_of(tmp_path, LINE + "[]\n" + LINE + "{]\n", field_map={"bid": "m.bid"})))
    assert sum(map(len, batches)) == 2
    assert all(batch.rows["has_bid"].all() for batch in batches)
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert [(reject.reason, reject.offset) for reject in rejects] == [(Reason.CORRUPT, 1), (Reason.CORRUPT, 3)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" + LINE.strip() + "]\n", "a JSON array, not one object a line"),
        (LINE.replace(",", ",\n"), "JSON objects over several lines"),
        ('{"symbol":"A"}\n', "no column price, size, event_time"),
    ],
)
def test_other_shapes_say_what_they_are(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        file_of(tmp_path, text)


def test_options_that_change_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--columns says nothing about JSON"):
        file_of(tmp_path, LINE, columns=("a",))


def test_json_is_known_by_its_first_sign() -> None:
    assert looks_like_json(b' \n{"a":1}')
    assert looks_like_json(b"[1]")
    assert not looks_like_json(b"symbol,price")


def test_what_was_taken_for_granted_is_said() -> None:
    file = JsonFile(LINE.encode(), True, FileOptions(field_map={"bid": "m.bid"}), FilePlace(Path("t"), "t"))
    assert file.describe() == "JSON lines; bid from m.bid; unit of times by their size"
