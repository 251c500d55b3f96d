"""Eight bytes at once give what a loop over bytes gives."""

import numpy as np
import pytest

from kernels.chunks import (
    CHUNK,
    are_digits,
    big_word,
    digit_run,
    digits_value,
    first_digits,
    first_mark,
    gather_varint,
    last_digits,
    little_word,
    plain_run,
    point_marks,
    without_byte,
)

U = np.uint64


def word_of(data: bytes) -> np.uint64:
    return U(int.from_bytes(data[:CHUNK].ljust(CHUNK, b"\0"), "little"))


def test_loads_are_those_of_python_wherever_they_begin() -> None:
    data = bytes(range(0x7A, 0x8E))
    text = np.frombuffer(data, np.uint8)
    for at in range(len(data) - CHUNK + 1):
        assert int(little_word(text, U(at))) == int.from_bytes(data[at : at + CHUNK], "little")
        assert int(big_word(text, U(at))) == int.from_bytes(data[at : at + CHUNK], "big")


@pytest.mark.parametrize("text", [b"1", b"09", b"907", b"1234567", b"12345678", b"00000000", b"99999999"])
def test_digits_are_read_whatever_stands_behind_them(text: bytes) -> None:
    for behind in (b"\0" * 8, b"x8\xff:/ 12", b"\xff" * 8):
        word = U(first_digits(word_of(text + behind), U(len(text))))
        assert are_digits(word)
        assert int(digits_value(word)) == int(text)


def test_every_byte_but_ten_is_no_digit_at_each_place() -> None:
    for place in range(CHUNK):
        for byte in range(256):
            word = word_of(b"12345678"[:place] + bytes([byte]) + b"12345678"[place + 1 :])
            assert are_digits(word) == (ord("0") <= byte <= ord("9")), (place, byte)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_a_varint_of_up_to_eight_bytes_is_read_whatever_stands_behind_it() -> None:
    for bits in range(56):
        for value in {1 << bits, (1 << bits) - 1, (1 << bits) | 0x55, 0x1234_5678_9ABC_DE & ((1 << bits) - 1)}:
            written = varint(value)
            for behind in (b"\0" * 8, b"\xff" * 8):
                found, length = gather_varint(word_of(written + behind))
                assert (int(found), int(length)) == (value, len(written))


def test_a_longer_varint_is_left_to_others() -> None:
    assert int(gather_varint(word_of(varint(1 << 56)))[1]) == 0


def run_of(data: bytes, is_one: set[int]) -> int:
    return next((place for place, byte in enumerate(data) if byte not in is_one), len(data))


def test_runs_end_at_the_first_byte_of_another_kind() -> None:
    digits, plain = set(b"0123456789"), set(range(0x20, 0x80)) - set(b'"\\')
    for place in range(CHUNK):
        for byte in range(256):
            for behind in (b"7" * CHUNK, b'"\\\x1f\xff!#[]'):
                data = (b"12345678"[:place] + bytes([byte]) + behind)[:CHUNK]
                assert int(digit_run(word_of(data))) == run_of(data, digits), data
                assert int(plain_run(word_of(data))) == run_of(data, plain), data


@pytest.mark.parametrize("text", [b"1", b"09", b"907", b"1234567", b"12345678"])
def test_digits_are_read_whatever_stands_in_front_of_them(text: bytes) -> None:
    for before in (b"\0" * 8, b"12 /:\xff8x"):
        word = U(last_digits(word_of((before + text)[-CHUNK:]), U(len(text))))
        assert are_digits(word)
        assert int(digits_value(word)) == int(text)


def test_a_point_is_found_and_taken_out() -> None:
    for place in range(CHUNK):
        for behind in (b"23456789", b"..///...", b"\xae-\x2f\0\0\0\0\0"):
            data = (b"9876543-"[:place] + b"." + behind)[:CHUNK]
            assert int(first_mark(U(point_marks(word_of(data))))) == place
            rest = b"0" + data[:place] + data[place + 1 :]
            assert int(without_byte(word_of(data), U(place))).to_bytes(CHUNK, "little") == rest
    for byte in set(range(256)) - {ord(".")}:
        assert int(point_marks(word_of(bytes([byte]) * CHUNK))) == 0
