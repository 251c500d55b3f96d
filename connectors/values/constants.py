"""The same text in one field of every row, such as the symbol of a file that holds one symbol.

Decoders of files put it behind a batch's bytes and point each row there. A cell that the row has itself stays.
"""

from collections.abc import Mapping

from connectors.values.cells import ABSENT, Cells
from connectors.values.fields import Field

__all__ = ["Constants"]


class Constants:
    """Texts by field; fields of text alone (symbol, trade id, exchange)."""

    def __init__(self, texts: Mapping[Field, str]) -> None:
        self._places: list[tuple[Field, int, int]] = []
        self._text = b""
        for each, text in texts.items():
            self._places.append((each, len(self._text), len(text.encode())))
            self._text += text.encode()

    def put(self, data: bytes, cells: Cells) -> bytes:
        """``data`` with the texts behind it, to which cells of ``cells`` that are absent now point."""
        for each, at, length in self._places:
            absent = cells.length[:, each] == ABSENT
            cells.at[absent, each] = len(data) + at
            cells.length[absent, each] = length
        return data + self._text if self._text else data
