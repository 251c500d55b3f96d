"""A desk's records at their pace: so many a second, until so long or so many, or all at once."""

from typing import Any

from jobs.produce.desk import DeskMarket, desk_encoder
from jobs.produce.desk_sender import DeskSender


class Writer:
    """Takes what a RecordWriter takes."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []

    def send(self, values: list[bytes], keys: list[bytes]) -> None:
        assert len(values) == len(keys)
        self.keys += keys


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.us = 1_000_000_000

    def __call__(self) -> int:
        return self.us

    def wait(self, seconds: float) -> bool:
        self.us += int(seconds * 1_000_000)
        return False


def sender(writer: Any, time: Time) -> DeskSender:
    return DeskSender(writer, DeskMarket("routing", 3, 1), desk_encoder("routing", "json"), time, time.wait)


def test_a_rate_for_so_long() -> None:
    writer, time = Writer(), Time()
    sender(writer, time).send_at(50, seconds=2)
    assert (len(writer.keys), time.us) == (100, 1_002_000_000)


def test_a_rate_until_so_many() -> None:
    writer, time = Writer(), Time()
    one = sender(writer, time)
    one.send_at(50, records=30)
    assert (len(writer.keys), one.sent) == (30, 30)


def test_a_wait_that_is_broken_off_ends_it() -> None:
    writer, time = Writer(), Time()
    one = sender(writer, time)
    one._wait = lambda _seconds: True
    one.send_at(1e9)
    assert writer.keys == []


def test_all_at_once() -> None:
    writer, time = Writer(), Time()
    sender(writer, time).send_at_once(12_000)
    assert len(writer.keys) == 12_000
