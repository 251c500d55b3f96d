"""Folders, archives and partitions: which files, in which order, and the columns that their folders give."""

import zipfile
from pathlib import Path

import pytest

from connectors.files.places import STDIN, places_of
from schemas.errors import InputError


def test_folders_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    names = [
        "part-10.csv",
        "part-2.csv",
        "b/part-1.csv",
        "a/x.csv",
        "_SUCCESS",
        ".hidden",
        "t.zip.CHECKSUM",
        "README.txt",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [str(place.path.relative_to(tmp_path)) for place in places_of(str(tmp_path))]
    assert found == ["a/x.csv", "b/part-1.csv", "part-2.csv", "part-10.csv"]


def test_folders_of_partitions_give_columns(tmp_path: Path) -> None:
    folder = tmp_path / "exchange=x" / "symbol=BTC%2FUSDT" / "date=__HIVE_DEFAULT_PARTITION__"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_text("x")
    for named in (tmp_path, folder / "part-0.parquet"):
        (place,) = places_of(str(named))
        assert place.columns == {"exchange": "x", "symbol": "BTC/USDT"}


def test_members_of_an_archive_are_files(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("d10.csv", "d9.csv", "__MACOSX/._d9.csv", "more/symbol=A/d.csv", "more/"):
            archive.writestr(name, "x")
    places = places_of(str(path))
    assert [place.member for place in places] == ["d9.csv", "d10.csv", "more/symbol=A/d.csv"]
    assert [place.base_name for place in places] == ["d9.csv", "d10.csv", "d.csv"]
    assert places[0].name == f"{path}/d9.csv"
    assert places[2].columns == {"symbol": "A"}


def test_standard_input_has_several_names() -> None:
    for name in ("-", "/dev/stdin", "/dev/fd/0"):
        (place,) = places_of(name)
        assert (place.name, place.is_stdin, place.is_once) == (STDIN, True, True)


def test_what_holds_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        places_of(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="no file in the folder"):
        places_of(str(tmp_path))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InputError, match="the zip file holds no file"):
        places_of(str(tmp_path / "empty.zip"))
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
    with pytest.raises(InputError, match="a spreadsheet isn't read"):
        places_of(str(tmp_path / "t.xlsx"))
