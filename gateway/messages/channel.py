"""What is said on one channel: its address, and the messages of both sides with examples.

Each dialect's module here declares one; gateway.rest.asyncapi makes the document of them, and the tests compare it with
what a running gateway sends. A message is a struct: it encodes what is sent, or describes bytes that are passed on as
they are.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["Channel", "Message", "decimal_names"]


@dataclass(frozen=True, slots=True)
class Message:
    """``shape``: its docstring says what the message is for. ``examples`` are plain JSON values.

    ``event``: the name that Server-Sent Events give it.
    """

    shape: type[msgspec.Struct]
    examples: tuple[Any, ...]
    event: str = ""

    @property
    def name(self) -> str:
        return self.event or self.shape.__name__


@dataclass(frozen=True, slots=True)
class Channel:
    """``client``: what it may say; ``server``: what it is told, in an array each time where ``batched``."""

    name: str
    path: str
    summary: str
    about: str
    client: tuple[Message, ...]
    server: tuple[Message, ...]
    batched: bool = False
    aliases: tuple[str, ...] = ()


def decimal_names(*channels: Channel) -> frozenset[str]:
    """Names of all fields with a decimal that these channels send: what the exact encodings write as text."""
    shapes = [message.shape for channel in channels for message in channel.server]
    _, components = msgspec.json.schema_components(shapes)
    return frozenset(
        name
        for schema in components.values()
        for name, field in schema["properties"].items()
        if any(each.get("format") == "decimal" for each in (field, *field.get("anyOf", ())))
    )
