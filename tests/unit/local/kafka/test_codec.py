import pytest

from local.kafka.codec import Reader, Writer


def test_what_is_written_is_read() -> None:
    data = Writer().int8(-1).int16(-2).int32(3).int64(-4).boolean(True).text("é").text(None).int32s([5, 6]).bytes()
    reader = Reader(memoryview(data))
    assert (reader.int8(), reader.int16(), reader.int32(), reader.int64()) == (-1, -2, 3, -4)
    assert (reader.boolean(), reader.text(), reader.nullable_text()) == (True, "é", None)
    assert reader.array(Reader.int32) == [5, 6]


def test_reading_past_the_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="ends early"):
        Reader(memoryview(b"\x00\x05abc")).text()


def test_null_array_is_told_from_an_empty_one() -> None:
    assert Reader(memoryview(Writer().int32(-1).bytes())).nullable_array(Reader.int8) is None
    assert Reader(memoryview(Writer().int32(0).bytes())).nullable_array(Reader.int8) == []
