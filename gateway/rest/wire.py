"""An HTTP/1.1 answer of known length as bytes (RFC 9112 §2 to §6).

The server writes what this makes in one go. Nothing that isn't part of a header gets between headers: a value with a
line break or another control character is a defect, and raises instead of being sent.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

__all__ = ["whole_answer"]

STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
CONTROL: Final = bytes((*range(9), *range(10, 32), 127))
"""All but the tab, which may stand in a value."""


def whole_answer(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, closes: bool = False) -> bytes:
    """``headers`` hold the Content-Length; ``closes``: it is the connection's last. Raises ValueError."""
    lines = b"\r\n".join(map(b": ".join, headers))
    if len(lines) - len(lines.translate(None, CONTROL)) != 2 * (len(headers) - 1):
        raise ValueError("a control character in a header")
    return b"".join((STATUS_LINES[status], lines, b"\r\nconnection: close\r\n\r\n" if closes else b"\r\n\r\n", body))
