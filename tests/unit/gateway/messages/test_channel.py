"""A channel names its messages, and which of their fields are decimals."""

import msgspec

from gateway.messages.channel import Channel, Message, decimal_names
from gateway.messages.values import NOTHING, Number, NumberOrNull


class Update(msgspec.Struct):
    """A price moved."""

    price: Number
    symbol: str
    bid: NumberOrNull = NOTHING


class Ask(msgspec.Struct):
    """What a client says."""

    limit: Number


def test_a_message_is_called_by_its_shape_unless_events_name_it() -> None:
    assert Message(Update, ()).name == "Update"
    assert Message(Update, (), event="news").name == "news"


def test_decimals_are_those_that_are_sent() -> None:
    channel = Channel("x", "/ws/x", "X", "", (Message(Ask, ()),), (Message(Update, ()),))
    assert decimal_names(channel) == {"price", "bid"}
    assert decimal_names() == frozenset()
