"""Frames, compression and MessagePack, byte by byte and against zlib."""

import json
import zlib

import msgspec
import pytest

from gateway.ws.frames import (
    TEXT,
    InflateLimitError,
    Packer,
    encoder,
    frame,
    inflate,
    negotiate_deflate,
    to_json,
)


@pytest.mark.parametrize(("size", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_frame_has_the_shortest_head(size: int, head: int) -> None:
    data = frame(b"x" * size, TEXT)
    assert len(data) == head + size
    assert data[0] == 0x81


def test_a_packer_joins_messages_and_compresses_only_what_gains() -> None:
    long, short = json.dumps({"price": list(range(200))}).encode(), b'{"a":1}'
    plain = Packer("json", deflate=False)([short, long])
    assert plain == frame(short, TEXT) + frame(long, TEXT)
    data = Packer("json", deflate=True)([short, long])
    assert data.startswith(frame(short, TEXT))
    rest = data[len(frame(short, TEXT)) :]
    assert rest[0] == 0xC1
    assert zlib.decompressobj(-12).decompress(rest[4:] + b"\x00\x00\xff\xff") == long


def test_inflating_stops_at_the_limit() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(b"a" * 10**7) + deflater.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(InflateLimitError, match="too big"):
        inflate(bomb[:-4], 65_536)
    with pytest.raises(InflateLimitError, match="not a deflate"):
        inflate(b"\xff\xff\xff", 65_536)


@pytest.mark.parametrize(
    ("offer", "accepted"),
    [
        ("permessage-deflate", True),
        ("permessage-deflate; client_max_window_bits", True),
        ('permessage-deflate; server_max_window_bits="15"', True),
        ("permessage-deflate; server_max_window_bits=9", False),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", True),
        ("permessage-deflate; server_max_window_bits=x", False),
        ("permessage-deflate; something_new", False),
        ("x-webkit-deflate-frame", False),
        ("", False),
    ],
)
def test_deflate_is_taken_only_where_one_stream_fits_all(offer: str, accepted: bool) -> None:
    answer = negotiate_deflate(offer)
    assert (answer is not None) == accepted
    if answer:
        assert "server_no_context_takeover; client_no_context_takeover" in answer


TEXTS = [
    b'{"price":101,"volume":0.1234567890123456789,"sequence":7,"final":true,"vwap":null,"a":[1.50,{"open":2}]}',
    b'[{"type":"lp-metrics","timestamp":"2026-01-01T00:00:00.000Z","data":{"latencyMs":12,"spread":0.5,"ok":true}}]',
    b'{"type":"price_update","symbol":"A","data":{"symbol":"A","price":2450,"volume":12},"timestamp":"x"}',
    b'{"n":123456789012345678901234567890,"negative":-9223372036854775809,"deep":[[{"b":1e300}]]}',
]


def as_a_browser_has_it(digits: str) -> int | float:
    return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)


@pytest.mark.parametrize("text", TEXTS)
def test_messagepack_says_what_json_says(text: bytes) -> None:
    encode = encoder("msgpack")
    assert encode is not None
    assert msgspec.msgpack.decode(encode(text)) == json.loads(text, parse_int=as_a_browser_has_it)


@pytest.mark.parametrize("text", TEXTS)
def test_both_exact_encodings_say_the_same(text: bytes) -> None:
    packed, plain = encoder("msgpack-exact"), encoder("json-exact")
    assert packed is not None
    assert plain is not None
    assert msgspec.msgpack.decode(packed(text)) == json.loads(plain(text))


def test_exact_encodings_keep_every_digit_and_a_fields_type() -> None:
    encode = encoder("json-exact")
    assert encode is not None
    assert json.loads(encode(TEXTS[0])) == {
        "price": "101",
        "volume": "0.1234567890123456789",
        "sequence": 7,
        "final": True,
        "vwap": None,
        "a": ["1.50", {"open": "2"}],
    }
    [message] = json.loads(encode(TEXTS[1]))
    assert message["data"] == {"latencyMs": "12", "spread": "0.5", "ok": True}
    assert json.loads(encode(TEXTS[2]))["data"] == {"symbol": "A", "price": "2450", "volume": "12"}


@pytest.mark.parametrize("rubbish", [b"", b"\xc1", b"\x92\x01", b"\x81\x01\x02" * 10, b"\x91" * 5000])
def test_rubbish_in_messagepack_is_empty_json_or_json(rubbish: bytes) -> None:
    assert to_json(rubbish) == b"" or json.loads(to_json(rubbish)) is not None
