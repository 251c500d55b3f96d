"""Reads trades from files as people have them: CSV, JSON lines, Parquet and Arrow, packed or not, from disk or a pipe.

``tapeflow bars``, ``produce``, ``demo`` and the tests open TradeFiles. Every row of a file becomes a trade or a Reject,
with its row number (from 0) as offset, and only some megabytes of the file are in memory at a time. What a file is,
its bytes say and never its name. What is wrong with the file itself (missing, cut short, columns missing) is one
InputError. What was taken for granted is said by ``describe``.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from connectors.csv.dialect import delimiter_of, split_line
from connectors.files.csv import CsvFile
from connectors.files.encodings import UTF_8, TextStream
from connectors.files.json import JsonFile, looks_like_json
from connectors.files.magic import Content
from connectors.files.places import FilePlace, places_of
from connectors.files.unpacking import UnpackedFile, open_place
from connectors.values.column_plan import FileOptions
from connectors.values.layouts import LAYOUTS, layouts_with
from connectors.values.rejecting import Decoder
from schemas.columns import RawBatch, TradeBatch, TradeRows
from schemas.errors import InputError

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from connectors.files.arrow import ArrowFile

__all__ = ["TradeFile", "open_files", "read_trades", "share_read"]

SAMPLE_BYTES: Final = 2**18
COLUMNAR: Final = (Content.PARQUET, Content.ARROW_FILE, Content.ARROW_STREAM)
Validate = Callable[[TradeRows, bytes], None]
"""Sets ``reason`` of rows (TRADE) that break a rule; see core.bars.validation."""


class EmptyFile:
    """Nothing at all, as vendors publish for a day without trades; no error where something else speaks for a file."""

    def describe(self) -> str:
        return "empty"

    def decoded(self, _opened: UnpackedFile, _records_max: int) -> Iterator[tuple[RawBatch, Decoder, TradeRows, bytes]]:
        """No rows."""
        return iter(())


class TradeFile:
    """One file of trades, its columns known. Raises InputError at once when it can't be read as trades.

    A pipe can be read once; any other place as often as asked. ``rows_read``: rows so far.
    """

    def __init__(
        self,
        place: FilePlace,
        options: FileOptions | None = None,
        *,
        batch_records_max: int = 20_000,
    ) -> None:
        self.place = place
        self._options = options or FileOptions()
        self._batch_records_max = batch_records_max
        self.rows_read = 0
        self._is_read = False
        self._packings: list[str] = []
        self._encoding = ""
        self._table: CsvFile | JsonFile | ArrowFile | EmptyFile
        self._opened: UnpackedFile | None = open_place(place)
        try:
            self._begin(self._opened)
        except BaseException:
            # Also for Ctrl-C: a file that can't be read isn't left open, then the error goes on.
            self._opened.close()
            raise
        if not place.is_once:
            self._opened.close()
            self._opened = None

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def share(self) -> float | None:
        """How much of it was read, 0 to 1; None where that isn't known."""
        total = getattr(self._table, "rows_total", None)
        if self._is_read or total == 0:
            return 1.0
        if total is not None:
            return self.rows_read / float(total)
        return self._opened.ratio if self._opened is not None else 0.0

    @property
    def bytes_total(self) -> int:
        """Size on disk, as it is packed; 0 where that isn't known."""
        return self.place.bytes_total

    def describe(self) -> str:
        """What was taken for granted, in words: packing, encoding, layout, columns, unit of times, dialect."""
        encoding = "" if self._encoding in ("", UTF_8) else f"encoding {self._encoding}"
        return "; ".join(part for part in (*self._packings, encoding, self._table.describe()) if part)

    def decoded(self) -> Iterator[tuple[RawBatch, Decoder, TradeRows, bytes]]:
        """Batches in order, each with its decoder, its rows with reasons and their text."""
        self.rows_read, self._is_read = 0, False
        opened = self._opened or open_place(self.place)
        self._opened = opened
        try:
            for raw, decoder, rows, text in self._batches(opened):
                self.rows_read += len(raw)
                yield raw, decoder, rows, text
            self._is_read = True
        finally:
            opened.close()
            self._opened = None

    def _batches(self, opened: UnpackedFile) -> Iterator[tuple[RawBatch, Decoder, TradeRows, bytes]]:
        if isinstance(self._table, CsvFile | JsonFile):
            return self._table.decoded(self._stream(opened), self._batch_records_max)
        return self._table.decoded(opened, self._batch_records_max)

    def _begin(self, opened: UnpackedFile) -> None:
        self._packings = list(opened.packings)
        content = opened.content
        if content is Content.EMPTY:
            if not self._packings and not self.place.is_one_of_many:
                raise InputError("the file is empty", where=self.name)
            self._table = EmptyFile()
            return
        self._encoding = self._options.encoding
        if content in COLUMNAR:
            self._table = _arrow_file(opened, self._options, self.place)
            return
        self._text: TextStream | None = None
        stream = self._stream(opened)
        sample = stream.peek(SAMPLE_BYTES)
        other = _encoding_of_layout(sample) if stream.encoding == UTF_8 and not self._options.encoding else ""
        if other:
            self._encoding, self._text = other, None
            stream = self._stream(opened)
            sample = stream.peek(SAMPLE_BYTES)
        self._encoding = stream.encoding
        if not sample.strip():
            raise InputError("the file is empty", where=self.name)
        _check_text(sample, self.name)
        whole = len(sample) < SAMPLE_BYTES
        if looks_like_json(sample):
            self._table = JsonFile(sample, whole, self._options, self.place)
        else:
            self._table = CsvFile(sample, whole, self._options, self.place)

    def _stream(self, opened: UnpackedFile) -> TextStream:
        if self._text is None or not self.place.is_once:
            self._text = TextStream(opened.stream, self._encoding, self.name)
        return self._text


def open_files(text: str, options: FileOptions, batch_records_max: int = 20_000) -> list[TradeFile]:
    """Every file that ``text`` names: itself, the members of an archive, or what a folder holds. Raises InputError."""
    return [TradeFile(place, options, batch_records_max=batch_records_max) for place in places_of(text)]


def share_read(files: Sequence[TradeFile]) -> float | None:
    """How much of the files was read, 0 to 1, a file counting by its size; None where that isn't known."""
    parts = [(file.bytes_total, file.share) for file in files]
    if not all(size for size, _ in parts):
        return None
    return sum(size * (share or 0.0) for size, share in parts) / sum(size for size, _ in parts)


def read_trades(file: TradeFile, validate: Validate | None = None) -> Iterator[TradeBatch]:
    """The trades and rejects of a file, in order, validated if ``validate`` is given."""
    for raw, decoder, rows, text in file.decoded():
        if validate:
            validate(rows, text)
        yield decoder.finish(raw, rows, text)


def _arrow_file(opened: UnpackedFile, options: FileOptions, place: FilePlace) -> "ArrowFile":
    # Imported here, as most files don't need it.
    from connectors.files.arrow import ArrowFile  # noqa: PLC0415

    return ArrowFile(opened, options, place)


def _check_text(sample: bytes, where: str) -> None:
    line = sample.split(b"\n", 1)[0].split(b"\r", 1)[0]
    if b"\0" in sample:
        raise InputError(
            "not a text file", where=where,
            mend="give CSV, JSON lines, Parquet or Arrow, packed or not, or name its --encoding, such as utf-16-le",
        )  # fmt: skip
    try:
        line.decode()
    except UnicodeDecodeError:
        raise InputError(
            "the first line isn't UTF-8", where=where, mend="name its --encoding, such as gbk, latin-1 or cp1252"
        ) from None


def _encoding_of_layout(sample: bytes) -> str:
    """The encoding of a layout whose names of columns the first line has in it, empty when it is UTF-8 or of none."""
    line = sample.split(b"\n", 1)[0]
    try:
        line.decode()
    except UnicodeDecodeError:
        for encoding in {each.encoding for each in LAYOUTS if each.encoding}:
            text = line.decode(encoding, "replace").strip()
            if layouts_with(split_line(text, delimiter_of(text))):
                return encoding
    return ""
