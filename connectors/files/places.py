"""Where the rows of an argument lie: a file, a pipe, the members of a zip archive, or every file of a folder.

``tapeflow bars``, ``produce`` and ``demo`` give what the user wrote; TradeFile opens each place. The order is that of
names, numbers in them by value, so that part-2 comes before part-10. Folders named ``key=value`` give a column with one
value, as Spark and Hive write partitions. Hidden files, markers such as _SUCCESS, checksums and what is written about
the data are left out.
"""

import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from connectors.files.magic import HEAD_BYTES, Content, content_of
from schemas.errors import InputError

__all__ = ["STDIN", "FilePlace", "places_of"]

STDIN: Final = "-"
_STDIN_NAMES: Final = (STDIN, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_LEFT_OUT: Final = (".checksum", ".md5", ".sha1", ".sha256", ".crc", ".md", ".pdf", ".html")
_ABOUT: Final = ("readme", "license", "copying")


@dataclass(frozen=True, slots=True)
class FilePlace:
    """One file's worth of rows. ``name``: as messages call it. ``columns``: values that its folders give to every row.

    ``member``: which file of the zip archive at ``path``, empty where it isn't one. ``is_one_of_many``: its folder or
    archive was named, not the file itself.
    """

    path: Path
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    member: str = ""
    is_one_of_many: bool = False

    @property
    def is_stdin(self) -> bool:
        return self.name == STDIN

    @property
    def is_once(self) -> bool:
        """Whether it can be read only once, such as a pipe."""
        return self.is_stdin or not self.path.is_file()

    @property
    def bytes_total(self) -> int:
        """Size on disk, of an archive that of all members; 0 for a pipe."""
        return 0 if self.is_once else self.path.stat().st_size

    @property
    def base_name(self) -> str:
        """The last part of its name."""
        return (self.member or self.path.name).rpartition("/")[2]

    @property
    def telling_name(self) -> str:
        """A name that may say what the file holds, such as a symbol; a pipe's says nothing."""
        return "" if self.is_once else self.base_name


def places_of(text: str) -> list[FilePlace]:
    """The places that ``text`` names, in order. Raises InputError when there is none."""
    if text in _STDIN_NAMES:
        return [FilePlace(Path(STDIN), STDIN)]
    path = Path(text)
    try:
        if path.is_dir():
            places = [place for found in _files_under(path) for place in _members_of(found)]
            if not places:
                raise InputError("no file in the folder", where=text)
            return [replace(place, is_one_of_many=True) for place in places]
        if not path.exists():
            raise InputError("no such file", where=text)
        return list(_members_of(path))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=text) from error


def _files_under(folder: Path) -> Iterator[Path]:
    """Regular files of ``folder`` and below, in order of their names."""
    entries = sorted(os.scandir(folder), key=lambda entry: _natural(entry.name))
    for entry in entries:
        if _is_left_out(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_under(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _members_of(path: Path) -> Iterator[FilePlace]:
    """The file itself, or the files of the zip archive that it is."""
    columns = _partition_columns(path.absolute())
    if not path.is_file():
        yield FilePlace(path, str(path), columns)
        return
    with path.open("rb") as file:
        if content_of(file.read(HEAD_BYTES)) is not Content.ZIP:
            yield FilePlace(path, str(path), columns)
            return
    members = zip_members(path)
    for member in members:
        name = str(path) if len(members) == 1 else f"{path}/{member}"
        yield FilePlace(path, name, {**columns, **_partition_columns(Path(member))}, member, len(members) > 1)


def zip_members(path: Path) -> list[str]:
    """Names of the files of a zip archive that may hold rows. Raises InputError when it is damaged or holds none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise InputError("the zip file is cut short or damaged", where=str(path), mend="unzip -t tests it") from error
    if "[Content_Types].xml" in names:
        raise InputError("a spreadsheet isn't read", where=str(path), mend="save it as CSV")
    kept = [name for name in names if not any(map(_is_left_out, name.split("/")))]
    if not kept:
        raise InputError("the zip file holds no file", where=str(path))
    return sorted(kept, key=_natural)


def _is_left_out(name: str) -> bool:
    return name.startswith((".", "_")) or name.lower().endswith(_LEFT_OUT) or name.lower().startswith(_ABOUT)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that orders numbers inside names by value."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts)]


def _partition_columns(path: Path) -> dict[str, str]:
    """``key=value`` folders above a file."""
    pairs = (part.partition("=") for part in path.parts[:-1])
    return {key: unquote(value) for key, sign, value in pairs if sign and key and value not in ("", _HIVE_NULL)}
