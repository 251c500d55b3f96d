from collections.abc import Callable

import pytest

from local.clickhouse import window as window_module
from local.clickhouse.native import text, varint
from local.clickhouse.types import ServerError
from local.clickhouse.window import Window


def drip(data: bytes, step: int) -> Callable[[Window], None]:
    """A stream that gives ``step`` bytes at a time, then ends."""
    given = 0

    def fill(window: Window) -> None:
        nonlocal given
        part = data[given : given + step]
        if not part:
            raise EOFError
        window.room(len(part))[: len(part)] = part
        window.grew(len(part))
        given += len(part)

    return fill


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_values_are_read_whatever_the_cut_of_the_stream(step: int) -> None:
    data = varint(300) + text("Zürich") + (77).to_bytes(8, "little") + b"\x05tail"
    window = Window(drip(data, step))
    assert (window.varint(), window.text(), window.uint64(), window.byte()) == (300, "Zürich", 77, 5)
    assert bytes(window.take(4)) == b"tail"
    with pytest.raises(EOFError):
        window.byte()


@pytest.mark.parametrize("step", [1, 3, 64, 100_000])
def test_strings_of_every_length_are_skipped(step: int) -> None:
    lengths = [0, 1, 127, 128, 129, 16_383, 16_384, 40_000, 0, 5]
    data = b"".join(varint(length) + b"x" * length for length in lengths)
    window = Window(drip(data + b"!", step))
    window.skip_texts(len(lengths))
    assert window.byte() == ord("!")


def test_marked_bytes_survive_growth_and_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "STEP_BYTES", 16)
    data = bytes(range(256)) * 20
    window = Window(drip(data, 9))
    window.skip(100)
    window.mark()
    window.skip(5000)
    assert bytes(window.marked()) == data[100:5100]
    assert bytes(window.take(20)) == data[5100:5120]


def test_large_memory_is_given_back_between_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "STEP_BYTES", 16)
    monkeypatch.setattr(window_module, "KEEP_BYTES", 64)
    window = Window(drip(bytes(1000), 500))
    window.skip(1000)
    window.release()
    assert len(window.room(1)) == 16


def test_walk_in_memory_ends_at_the_end() -> None:
    window = Window(data=b"\x02ab")
    with pytest.raises(EOFError):
        window.skip_texts(2)
    with pytest.raises(EOFError):
        Window(data=b"").byte()


def test_absurd_lengths_are_refused() -> None:
    with pytest.raises(ServerError):
        Window(drip(b"\xff" * 20, 20)).varint()
    with pytest.raises(ServerError):
        Window(drip(b"x", 1)).skip(1 << 40)
