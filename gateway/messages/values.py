"""Kinds of values in what the gateway sends, over WebSocket, SSE and REST alike.

All shapes of messages and answers are made of these, and the documents (OpenAPI, AsyncAPI) and TypeScript follow. A
decimal is raw JSON here, the digits it came with, so it never passes through a binary float. Its schema is a number of
format ``decimal``: that format marks what the exact encodings write as text.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from kernels.symbols import SYMBOL_PATTERN
from schemas.intervals import INTERVALS

__all__ = [
    "ENCODINGS",
    "MS_MAX",
    "NOTHING",
    "NULL",
    "IntervalName",
    "IsoTime",
    "Milliseconds",
    "Number",
    "NumberOrNull",
    "QuoteSequence",
    "Sequence",
    "SymbolName",
    "SymbolNames",
    "WatchlistIds",
    "raw",
]

ENCODINGS: Final = ("json", "json-exact", "msgpack", "msgpack-exact")
"""Subprotocols: JSON text or MessagePack, with decimals as numbers or, exact to the last digit, as text."""
MS_MAX: Final = 253_402_300_799_999  # 9999-12-31, the last that ISO 8601 can say
DECIMAL: Final = {"type": "number", "format": "decimal"}
Number = Annotated[msgspec.Raw, Meta(extra_json_schema=DECIMAL)]
NumberOrNull = Annotated[msgspec.Raw, Meta(extra_json_schema={"anyOf": [DECIMAL, {"type": "null"}]})]
NULL: Final = msgspec.Raw(b"null")  # Raw can't stand in a union, so null is a raw value too
NOTHING: Any = msgspec.field(default_factory=lambda: NULL)  # a factory, as schemas can't spell a raw default
Milliseconds = Annotated[int, Meta(ge=0, le=MS_MAX, description="Milliseconds since the epoch, UTC")]
IsoTime = Annotated[str, Meta(description="ISO 8601, UTC", extra_json_schema={"format": "date-time"})]
Sequence = Annotated[int, Meta(ge=0, description="Rises with every trade of the symbol; the stream counts the same")]
QuoteSequence = Annotated[
    int,
    Meta(ge=0, description="Rises with every quote of the symbol, in the order of the quotes topic"),
]
SymbolName = Annotated[str, Meta(pattern=SYMBOL_PATTERN, description="As the venue writes it")]
# The pattern of the lone string is for the document only: msgspec 0.22 frees a checked pattern twice in such a union.
SymbolNames = Annotated[str, Meta(extra_json_schema={"pattern": SYMBOL_PATTERN})] | list[SymbolName]
WatchlistIds = str | list[str]
IntervalName = Annotated[
    str, Meta(title="Interval", extra_json_schema={"enum": [each.name for each in INTERVALS]}, description="Bar length")
]


def raw(digits: str | None) -> msgspec.Raw:
    """Decimal text as the JSON number of the same digits; None as null."""
    return NULL if digits is None else msgspec.Raw(digits.encode())
