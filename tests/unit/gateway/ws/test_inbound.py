"""Frames of clients as another library writes them, in pieces, and every way in which they can be broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from gateway.ws.inbound import Broken, Inbound, read_frame, unmasked

MAX = 70_000
CONTROLS = (Opcode.PING, Opcode.PONG)
FRAMES = st.one_of(
    st.builds(
        Frame,
        st.sampled_from([Opcode.CONT, Opcode.TEXT, Opcode.BINARY]),
        st.one_of(st.binary(max_size=300), st.sampled_from([bytes(65_535), b"x" * 65_536, b"y" * MAX])),
        fin=st.booleans(),
    ),
    st.builds(Frame, st.sampled_from(CONTROLS), st.binary(max_size=125)),
)


@given(st.lists(st.tuples(FRAMES, st.integers(0, 7)), min_size=1, max_size=4), st.data())
def test_frames_are_read_as_another_library_wrote_them(frames: list[tuple[Frame, int]], data: st.DataObject) -> None:
    """The three reserved bits, which it doesn't write, are ours."""
    written = [frame.serialize(mask=True) for frame, _ in frames]
    written = [bytes([each[0] | bits << 4]) + each[1:] for each, (_, bits) in zip(written, frames, strict=True)]
    whole, at = b"".join(written), 0
    for (frame, bits), size in zip(frames, map(len, written), strict=True):
        cut = data.draw(st.integers(at, at + size - 1))
        assert read_frame(whole[:cut], at, MAX) is None
        found = read_frame(bytearray(whole), at, MAX)
        at += size
        assert found == Inbound(frame.opcode, bytes(frame.data), frame.fin, bits >= 4, bits % 4 > 0, at)
    assert read_frame(whole, at, MAX) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x83\x80", 1002),  # opcodes that mean nothing
        (b"\x8b\x80", 1002),
        (b"\x81\x01", 1002),  # not masked
        (b"\x09\x80", 1002),  # a control frame in fragments, and one that is too long
        (b"\x89\xfe", 1002),
        (b"\x81\xfe\x00\x7d", 1002),  # lengths that a shorter form has room for
        (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 1002),
        (b"\x81\xff\x80\x00\x00\x00\x00\x01\x00\x00", 1002),  # and one beyond 63 bits
        (b"\x81\xff\x00\x00\x00\x00\x00\x01\x11\x71", 1009),
        (b"\x88\x81\0\0\0\0\x03", 1002),  # half a close code, and some that may not be sent
        (b"\x88\x82\0\0\0\0" + (999).to_bytes(2), 1002),
        (b"\x88\x82\0\0\0\0" + (1005).to_bytes(2), 1002),
        (b"\x88\x82\0\0\0\0" + (1006).to_bytes(2), 1002),
        (b"\x88\x82\0\0\0\0" + (2999).to_bytes(2), 1002),
        (b"\x88\x82\0\0\0\0" + (5000).to_bytes(2), 1002),
    ],
)
def test_what_is_broken_is_known_before_its_payload_came(data: bytes, code: int) -> None:
    found = read_frame(data, 0, MAX)
    assert isinstance(found, Broken)
    assert found.code == code


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4009, 4999])
def test_close_codes_that_may_be_sent(code: int) -> None:
    found = read_frame(Frame(Opcode.CLOSE, code.to_bytes(2) + b"bye").serialize(mask=True), 0, MAX)
    assert isinstance(found, Inbound)
    assert found.payload == code.to_bytes(2) + b"bye"


@given(st.binary(max_size=40), st.binary(min_size=4, max_size=4))
def test_masks(payload: bytes, mask: bytes) -> None:
    assert unmasked(payload, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
