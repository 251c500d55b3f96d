"""Text of any encoding comes out as UTF-8, in pieces of any size; what isn't text of it is refused."""

import codecs
import io

import pytest

from connectors.files.encodings import TextStream, check_encoding
from connectors.files.magic import Content
from connectors.files.unpacking import ByteStream
from schemas.errors import InputError, SettingError

TEXT = "symbol,price\n€uro,1\n漢字,2\n"


def stream(data: bytes, named: str = "") -> TextStream:
    return TextStream(ByteStream(io.BytesIO(data), Content.TEXT, "t.csv"), named, "t.csv")


def read_all(text: TextStream, count: int) -> bytes:
    parts = iter(lambda: text.read(count), b"")
    return b"".join(parts)


@pytest.mark.parametrize("count", [1, 3, 1000])
@pytest.mark.parametrize(
    ("data", "named", "encoding"),
    [
        (TEXT.encode(), "", "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "", "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig", "utf-8"),
        (TEXT.encode("utf-16"), "", "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16", "utf-16-be"),
        (TEXT.encode("utf-32"), "", "utf-32-le"),
        (TEXT.encode("gb18030"), "gb18030", "gb18030"),
    ],
)
def test_encodings(data: bytes, named: str, encoding: str, count: int) -> None:
    text = stream(data, named)
    assert text.encoding == encoding
    assert text.peek(7)[:7] == TEXT.encode()[:7]
    assert read_all(text, count) == TEXT.encode()
    assert text.peek(1) == b""


def test_utf_8_passes_through_untouched_even_where_it_is_none() -> None:
    assert read_all(stream(b"a\xff\n"), 10) == b"a\xff\n"


def test_bytes_that_the_encoding_does_not_have_are_named() -> None:
    with pytest.raises(InputError, match=r"aren't gbk: .*xff") as refused:
        read_all(stream(b"a,b\n\xff\xff\n", "gbk"), 10)
    assert refused.value.where == "t.csv"


@pytest.mark.parametrize(("name", "usual"), [("UTF8", "utf-8"), ("latin-1", "iso8859-1"), ("GBK", "gbk")])
def test_names_of_encodings(name: str, usual: str) -> None:
    assert check_encoding(name) == usual


@pytest.mark.parametrize("name", ["utf-9", "", "base64", "a\0b"])
def test_what_is_no_encoding_of_text(name: str) -> None:
    with pytest.raises(SettingError, match="no such encoding"):
        check_encoding(name)
