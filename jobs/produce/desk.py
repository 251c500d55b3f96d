"""A made-up dealing desk: records of its topics as JSON or Avro, for ``tapeflow produce --kind`` and the demo.

A seed gives the same desk again. Providers differ in speed, spread and habits, symbols in size, so that figures by
provider and symbol say something. Numbers are made of whole numbers and written with all their digits.
"""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from connectors.desk.avro_values import framed_writer
from connectors.synthetic import symbol_names
from flows.reading import registry_of
from runtime.settings.whole import Settings
from schemas.avro import EXPOSURE_SCHEMA_ID, LP_SCHEMA_ID, ROUTING_SCHEMA_ID, schema_text
from schemas.desk import DeskKind

__all__ = ["LPS", "DeskMarket", "DeskRecord", "desk_encoder", "desk_schema_id"]

LPS: Final = ("OANDA", "LMAX", "CITI", "XTX", "JPM")
DECISIONS: Final = (("ABOOK", 55), ("BBOOK", 30), ("PARTIAL", 8), ("HEDGE", 4), ("REJECT", 3))
BOOKED: Final = frozenset({"BBOOK", "REJECT"})
"""Decisions that go to no provider."""
STATUSES: Final = (("connected", 990), ("degraded", 7), ("disconnected", 3))
BACK: Final = 0.1
"""Share of a provider's records with which it is connected again, where it wasn't."""
BOOKS: Final = ("A", "B")
LIMIT: Final = Decimal(1_000_000)
SCHEMAS: Final[dict[DeskKind, tuple[str, int]]] = {
    "routing": ("RoutingDecision", ROUTING_SCHEMA_ID),
    "lp": ("LpMetrics", LP_SCHEMA_ID),
    "exposure": ("Exposure", EXPOSURE_SCHEMA_ID),
}


class DeskRecord(NamedTuple):
    key: str
    fields: dict[str, Any]
    """Decimals, texts, and ``eventTime`` in microseconds."""


class DeskMarket:
    """Records of one kind, one after the other."""

    def __init__(self, kind: DeskKind, symbols: int, seed: int) -> None:
        makers = {"routing": self._decision, "lp": self._figures, "exposure": self._state}
        self._make: Callable[[int], DeskRecord] = makers[kind]
        self._symbols = symbol_names(symbols)
        self._random = random.Random(seed)  # noqa: S311 - a market that is made up
        self._made = 0
        self._statuses = dict.fromkeys(LPS, STATUSES[0][0])

    def take(self, count: int, start_us: int, span_us: int) -> list[DeskRecord]:
        """``count`` records, spread over the span."""
        return [self._make(start_us + span_us * index // max(count, 1)) for index in range(count)]

    def _decision(self, time_us: int) -> DeskRecord:
        chosen = self._random
        symbol = self._symbols[min(int(chosen.expovariate(0.2)), len(self._symbols) - 1)]
        decision = chosen.choices([name for name, _ in DECISIONS], [weight for _, weight in DECISIONS])[0]
        which = chosen.randrange(len(LPS))
        execution_us = int(chosen.lognormvariate(9.2 + which / 5, 0.6))
        return DeskRecord(
            symbol,
            {
                "symbol": symbol,
                "side": chosen.choice(("BUY", "SELL")),
                "volume": Decimal(chosen.randrange(1, 500)).scaleb(-2),
                "routingDecision": decision,
                "lpSelected": "" if decision in BOOKED else LPS[which],
                "executionTimeMs": Decimal(execution_us).scaleb(-3),
                "spread": Decimal(chosen.randrange(4, 30) + which).scaleb(-1),
                "slippage": Decimal(int(chosen.gauss(0, 8)) + which).scaleb(-1),
                "eventTime": time_us,
            },
        )

    def _figures(self, time_us: int) -> DeskRecord:
        chosen = self._random
        which = self._made % len(LPS)
        self._made += 1
        status = self._status(LPS[which])
        return DeskRecord(
            LPS[which],
            {
                "lpName": LPS[which],
                "status": status,
                "avgSpread": Decimal(chosen.randrange(4, 12) + which).scaleb(-1),
                "executionQuality": Decimal(chosen.randrange(900, 1000)).scaleb(-3),
                "latencyMs": Decimal(int(chosen.lognormvariate(9.2 + which / 5, 0.4))).scaleb(-3),
                "quotesPerSecond": Decimal(chosen.randrange(20, 400)),
                "rejectRate": Decimal(chosen.randrange(0, 60)).scaleb(-3),
                "uptime": Decimal(chosen.randrange(9900, 10_000)).scaleb(-2),
                "eventTime": time_us,
            },
        )

    def _status(self, lp: str) -> str:
        """Mostly that of before: a provider that goes away stays away for a while."""
        chosen, best = self._random, STATUSES[0][0]
        if self._statuses[lp] == best or chosen.random() < BACK:
            before, weights = self._statuses[lp], [weight for _, weight in STATUSES]
            self._statuses[lp] = best if before != best else chosen.choices([name for name, _ in STATUSES], weights)[0]
        return self._statuses[lp]

    def _state(self, time_us: int) -> DeskRecord:
        chosen = self._random
        symbol = self._symbols[min(int(chosen.expovariate(0.2)), len(self._symbols) - 1)]
        # Together they come near the limit now and then.
        most = int(LIMIT) * 100 * 17 // (10 * len(self._symbols) * len(LPS) * len(BOOKS))
        return DeskRecord(
            symbol,
            {
                "symbol": symbol,
                "lpName": chosen.choice(LPS),
                "book": chosen.choice(BOOKS),
                "exposure": Decimal(chosen.randrange(-most, most + 1)).scaleb(-2),
                "exposureLimit": LIMIT,
                "eventTime": time_us,
            },
        )


def desk_schema_id(kind: DeskKind, settings: Settings) -> int:
    """The id in frames of the topic of ``settings``: the registry's, or the shipped one without a registry."""
    name, shipped_id = SCHEMAS[kind]
    if not settings.schema_registry_url:
        return shipped_id
    return registry_of(settings).register(f"{settings.kafka_topic}-value", schema_text(name))


def desk_encoder(kind: DeskKind, value_format: str, schema_id: int | None = None) -> Callable[[DeskRecord], bytes]:
    """Bytes of a record: ``json``, or ``confluent`` with ``schema_id`` or the shipped one in the frame."""
    if value_format == "json":
        return _as_json
    name, shipped_id = SCHEMAS[kind]
    write = framed_writer(name, schema_id or shipped_id)
    return lambda record: write(record.fields)


def _as_json(record: DeskRecord) -> bytes:
    pairs = (f"{json.dumps(name)}:{_json_value(name, value)}" for name, value in record.fields.items())
    return f"{{{','.join(pairs)}}}".encode()


def _json_value(name: str, value: Any) -> str:
    if name == "eventTime":
        return f"{Decimal(value).scaleb(-3):f}"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)
