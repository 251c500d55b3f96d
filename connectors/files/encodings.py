"""Text of any encoding as UTF-8, decoded as it is read.

TradeFile puts it between the unpacked bytes and the scanners, which know UTF-8 alone. A byte order mark names its
encoding by itself; the user names any other; without either, text is taken as UTF-8 and passes through untouched.
Bytes that the named encoding doesn't have raise InputError.
"""

import codecs
from typing import Final

from connectors.files.unpacking import ByteStream
from schemas.errors import InputError, SettingError

__all__ = ["UTF_8", "TextStream", "check_encoding"]

UTF_8: Final = "utf-8"
_MARKS: Final = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""UTF-32 first, as its little-endian mark begins with that of UTF-16."""


def check_encoding(name: str) -> str:
    """The encoding's usual name. Raises SettingError for one that isn't known or isn't one of text."""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError, TypeError):
        raise SettingError(
            f"no such encoding: {name}", where="--encoding", mend="say one such as gbk, latin-1, cp1252 or utf-16"
        ) from None


class TextStream:
    """UTF-8 of ``stream``. ``named``: its encoding, empty for UTF-8 or what the byte order mark says."""

    def __init__(self, stream: ByteStream, named: str, where: str) -> None:
        self._stream = stream
        self._where = where
        self._ahead = b""
        head = stream.peek(4)
        mark, self.encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", ""))
        if named and not (self.encoding and named in ("utf-16", "utf-32", "utf-8-sig")):
            mark, self.encoding = (mark, named) if self.encoding == named else (b"", named)
        self.encoding = self.encoding or UTF_8
        stream.read(len(mark))
        decoder = codecs.getincrementaldecoder(self.encoding)
        self._decoder = None if self.encoding == UTF_8 else decoder()

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, perhaps more, fewer only at the end; they are still to be read."""
        if self._decoder is None:
            return self._stream.peek(count)
        while len(self._ahead) < count and (more := self._take(count)):
            self._ahead += more
        return self._ahead

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes, none only at the end."""
        if self._decoder is None:
            return self._stream.read(count)
        data = self._ahead or self._take(count)
        self._ahead = data[count:]
        return data[:count]

    def _take(self, count: int) -> bytes:
        assert self._decoder is not None
        data = b"more"
        while data:
            data = self._stream.read(count)
            try:
                text = self._decoder.decode(data, not data)
            except UnicodeDecodeError as error:
                shown = error.object[error.start : error.start + 8]
                raise InputError(
                    f"bytes that aren't {self.encoding}: {shown!r}", where=self._where, mend="name another --encoding"
                ) from None
            if text:
                # Halves of surrogates have no UTF-8; their rows are refused as text that isn't UTF-8.
                return text.encode(UTF_8, "surrogatepass")
        return b""
