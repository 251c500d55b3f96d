"""The Avro schemas that tapeflow ships: Trade, Quote, Bar and the records of a desk, and their fixed ids.

Decoders, encoders and ``produce`` take schemas from here. A published schema keeps its id and its meaning; its
successor is compatible in both directions (old readers read new records, new readers read old ones), as
tests/avro_compatibility.py judges.
The ids stand in Confluent framing only where no Schema Registry is configured; with one, its ids rule.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = [
    "BAR_SCHEMA_ID",
    "EXPOSURE_SCHEMA_ID",
    "LP_SCHEMA_ID",
    "QUOTE_SCHEMA_ID",
    "ROUTING_SCHEMA_ID",
    "TRADE_SCHEMA_ID",
    "WriterSchema",
    "load_schema",
    "schema_text",
    "shipped_schema",
]

TRADE_SCHEMA_ID: Final = 1
QUOTE_SCHEMA_ID: Final = 2
BAR_SCHEMA_ID: Final = 3
ROUTING_SCHEMA_ID: Final = 4
LP_SCHEMA_ID: Final = 5
EXPOSURE_SCHEMA_ID: Final = 6
_NAMES: Final = {
    TRADE_SCHEMA_ID: "Trade",
    QUOTE_SCHEMA_ID: "Quote",
    BAR_SCHEMA_ID: "Bar",
    ROUTING_SCHEMA_ID: "RoutingDecision",
    LP_SCHEMA_ID: "LpMetrics",
    EXPOSURE_SCHEMA_ID: "Exposure",
}
_FOLDER: Final = Path(__file__).with_name("avro")


class WriterSchema(NamedTuple):
    """What a record was written with: the parsed JSON of its schema, and of the named types it refers to."""

    schema: Any
    references: tuple[Any, ...] = ()


@cache
def schema_text(name: str) -> str:
    """The shipped schema, such as ``Trade``, as compact JSON, as it is registered."""
    return json.dumps(json.loads((_FOLDER / f"{name.lower()}.avsc").read_text("utf-8")), separators=(",", ":"))


def load_schema(name: str) -> dict[str, Any]:
    """The shipped schema as a fresh dictionary."""
    schema: dict[str, Any] = json.loads(schema_text(name))
    return schema


def shipped_schema(schema_id: int) -> WriterSchema | None:
    """The shipped schema with that id in Confluent framing, None where there is none. A resolver for decoders."""
    name = _NAMES.get(schema_id)
    return WriterSchema(load_schema(name)) if name else None
