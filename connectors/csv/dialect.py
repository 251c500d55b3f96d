"""How a CSV file is written, told from its first lines: delimiter, quotes, lines before the header, decimal sign.

TradeFile asks before it reads; the compiled scanner is told the answers. Nothing is guessed from statistics: what is
taken for a delimiter or a decimal comma stands in the sample, and the summary says it. A line is never looked at
beyond its own end, which is a line feed, a carriage return or both.
"""

import csv
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = [
    "Dialect",
    "SampleLine",
    "decimal_comma_in",
    "declared_delimiter",
    "delimiter_of",
    "quote_of",
    "sample_lines",
    "split_line",
]

DELIMITERS: Final = ",;\t|"
_COMMENTS: Final = ("#", "//", "--", "%")
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_COMMA_NUMBER: Final = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_THOUSANDS: Final = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")


class Dialect(NamedTuple):
    """``quote``: the character around cells that hold a delimiter."""

    delimiter: str = ","
    quote: str = '"'
    decimal_comma: bool = False

    def describe(self) -> str:
        """What differs from plain CSV, in words."""
        names = {"\t": "tab", " ": "blank", ";": "semicolon", "|": "bar"}
        parts = [f"delimiter {names[self.delimiter]}"] if self.delimiter in names else []
        if self.quote != '"':
            parts.append("single quotes")
        if self.decimal_comma:
            parts.append("decimal comma")
        return ", ".join(parts)


class SampleLine(NamedTuple):
    """A line without its line end, and the position of the line after it in the sample."""

    text: str
    end: int

    @property
    def uncommented(self) -> str:
        """What a comment says, some of which are headers; empty for other lines."""
        text = self.text.lstrip()
        mark = next((mark for mark in _COMMENTS if text.startswith(mark)), "")
        return text[len(mark) :].lstrip() if mark else ""


def sample_lines(sample: bytes, whole: bool, limit: int) -> list[SampleLine]:
    """The first ``limit`` lines that say something. ``whole``: nothing follows the sample, so its last line ends."""
    lines, at = [], 0
    for match in re.finditer(rb"\r\n|\n|\r|\Z" if whole else rb"\r\n|\n|\r", sample):
        text = sample[at : match.start()].decode(errors="surrogateescape")
        at = match.end()
        if text.strip():
            lines.append(SampleLine(text, at))
            if len(lines) == limit:
                break
    return lines


def declared_delimiter(line: str) -> str:
    """The delimiter of a line ``sep=;``, as spreadsheets write it before the header; empty for any other line."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else ""


def quote_of(lines: Sequence[str], delimiter: str) -> str:
    """``'`` where cells stand in single quotes and none in double ones."""
    cells = [cell.strip() for line in lines for cell in line.split(delimiter)]
    if any(cell.startswith('"') for cell in cells):
        return '"'
    return "'" if any(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in cells) else '"'


def delimiter_of(line: str, count: int = 0) -> str:
    """Whichever of , ; tab | cuts ``line`` into ``count`` cells, or (count 0) into most; a blank where none does."""
    bare = re.sub(r'"[^"]*"', "", line)
    if count > 1:
        return next((each for each in DELIMITERS if bare.count(each) == count - 1), " " if " " in bare else ",")
    best = max(DELIMITERS, key=bare.count)
    return best if best in bare or " " not in bare.strip() else " "


def split_line(line: str, delimiter: str, quote: str = '"') -> list[str]:
    """The cells of a line, without quotes and blanks around them."""
    if delimiter == " ":
        line = line.strip()
    reader = csv.reader([line], delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    return [cell.strip() for cell in next(reader, [])]


def decimal_comma_in(rows: Sequence[Sequence[str]], columns: Sequence[int], delimiter: str) -> bool:
    """Whether the numbers of ``columns`` are written with a comma; not where all could as well be thousands."""
    if delimiter == ",":
        return False
    cells = [row[column] for row in rows for column in columns if column < len(row)]
    with_comma = [cell for cell in cells if "," in cell]
    if not with_comma or any("." in cell for cell in cells):
        return False
    return all(map(_COMMA_NUMBER.fullmatch, with_comma)) and not all(map(_THOUSANDS.fullmatch, with_comma))
