"""Entries of channels and events: every name has a stream, data goes through byte by byte, and the rest is refused."""

import pytest

from schemas.channels import ALERTS, CHANNEL_TYPES, CHANNELS, EVENT_TYPES, channel_stream, event_fields, publish_target
from schemas.errors import InputError
from schemas.names import EVENTS_STREAM


def test_each_channel_has_a_stream_of_its_own_and_alerts_are_events() -> None:
    streams = [channel_stream(channel) for channel in CHANNELS]
    assert len(set(streams)) == len(CHANNELS)
    assert channel_stream(ALERTS) == EVENTS_STREAM
    assert channel_stream("lp-performance") == "md:channel:lp-performance"
    assert set(CHANNEL_TYPES) == set(CHANNELS)


def test_what_a_user_names_becomes_a_stream_and_a_type() -> None:
    assert publish_target("exposure-updates") == ("md:channel:exposure-updates", "exposure-change")
    assert publish_target(ALERTS) == (EVENTS_STREAM, "alert")
    assert [publish_target(name) for name in EVENT_TYPES] == [(EVENTS_STREAM, name) for name in EVENT_TYPES]
    with pytest.raises(InputError, match="no channel or event type is called 'nope'") as refused:
        publish_target("nope")
    assert all(name in (refused.value.mend or "") for name in (*CHANNELS, *EVENT_TYPES))


def test_data_goes_through_byte_by_byte() -> None:
    data = b'{"notional": 12345678901234567890.10, "a":[1e-30]}'
    assert event_fields("news", data, written_ms=5) == {"type": b"news", "data": data, "ts": b"5"}


def test_user_and_symbols_stand_where_they_were_given() -> None:
    fields = event_fields("price_alert", b"{}", written_ms=1, user="ana", symbols=("AAPL", "BTC-USD"))
    assert (fields["user"], fields["symbols"]) == (b"ana", b"AAPL,BTC-USD")


@pytest.mark.parametrize("data", [b"", b"[]", b'"text"', b"1", b"{", b'{"a":1}x', b'{"a":"\xff"}'])
def test_data_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="data is no JSON object"):
        event_fields("news", data, written_ms=1)


@pytest.mark.parametrize("kind", ["", "two words", "a\n", "ä", "x" * 65])
def test_a_type_is_a_plain_word(kind: str) -> None:
    with pytest.raises(InputError, match="has characters outside"):
        event_fields(kind, b"{}", written_ms=1)
