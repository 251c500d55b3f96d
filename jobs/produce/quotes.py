"""Made-up quotes and the record values of any, for ``tapeflow produce --kind quotes``, ``ingest`` and the benches.

They are the bids and asks around the trades of a synthetic market, at the trades' times: the same seed, symbols and
rate give the quotes of those trades that ``produce --synthetic`` makes. The flow with the same settings reads back what
was written; where it couldn't, nothing is written.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from connectors.avro.encode_quotes import encode_quotes
from core.quotes.rows import FIELD_OF_TRADE, quote_rows
from flows.reading import registry_of
from jobs.produce.sender import Encode
from kernels.decimal_text import texts_i128
from runtime.settings.whole import Settings
from schemas.avro import QUOTE_SCHEMA_ID, schema_text
from schemas.columns import TradeBatch
from schemas.errors import SettingError
from schemas.quotes import QUOTE, QuoteBatch

__all__ = ["market_quotes", "quotes_encoder", "told_quotes_encoder", "written_quotes"]

LOT: Final = 10**8
"""Sizes are whole multiples of 0.01, in units of 10**-10."""
LOTS_MAX: Final = 10_000
NAMES: Final = ("symbol", *FIELD_OF_TRADE.values(), "event_time", "exchange")


def market_quotes(batch: TradeBatch, random: np.random.Generator) -> QuoteBatch:
    """A quote for each trade of a synthetic market, with sizes of its own."""
    trades, rows = batch.rows, np.zeros(len(batch), QUOTE)
    for name in ("offset", "timestamp_ms", "event_time_us", "symbol_at", "symbol_len", "exchange_at", "exchange_len"):
        rows[name] = trades[name]
    for side in ("bid", "ask"):
        rows[f"{side}_hi"], rows[f"{side}_lo"] = trades[f"{side}_hi"], trades[f"{side}_lo"]
        rows[f"{side}_size_lo"] = random.integers(1, LOTS_MAX, len(rows)) * LOT
    return QuoteBatch(batch.topic, batch.partition, rows, batch.text, batch.read, batch.next_offset)


def quotes_encoder(settings: Settings, seed: int) -> Encode:
    """Trades of a synthetic market to the values of quotes; ``settings``: those of quotes_settings.

    Raises SettingError where the flow couldn't read them, and what the registry raises when it doesn't take the schema.
    """
    write, random = written_quotes(settings), np.random.default_rng(seed)
    return lambda batch: write(market_quotes(batch, random))


def told_quotes_encoder(settings: Settings) -> Encode:
    """Quotes as decoders of trades make them (core.quotes.rows) to record values. Raises as ``quotes_encoder`` does."""
    write = written_quotes(settings)

    def encode(batch: TradeBatch) -> list[bytes]:
        rows = quote_rows(batch.rows)
        return write(QuoteBatch(batch.topic, batch.partition, rows, batch.text, batch.read, batch.next_offset))

    return encode


def written_quotes(settings: Settings) -> Callable[[QuoteBatch], list[bytes]]:
    """Quotes to record values, in the format that the settings say the topic has."""
    names = {FIELD_OF_TRADE.get(ours, ours): theirs for ours, theirs in settings.field_map.items()}
    if settings.value_format == "json":
        return lambda batch: _written_as_json(batch, names)
    if any(ours != theirs for ours, theirs in names.items()):
        raise SettingError(
            "the shipped Avro schema has our field names, so the field map would refuse every record",
            where=f"TAPEFLOW_QUOTES_FORMAT {settings.value_format}",
            mend="unset TAPEFLOW_QUOTES_FIELD_MAP, or use json",
        )
    schema_id: int | None = None if settings.value_format == "avro" else QUOTE_SCHEMA_ID
    if schema_id is not None and settings.schema_registry_url:
        schema_id = registry_of(settings).register(f"{settings.kafka_topic}-value", schema_text("Quote"))
    return lambda batch: encode_quotes(batch, schema_id)


def _written_as_json(batch: QuoteBatch, names: Mapping[str, str]) -> list[bytes]:
    """Numbers with all their digits, times in microseconds."""
    rows = batch.rows
    columns: list[list[str]] = []
    for name in NAMES:
        if name in ("symbol", "exchange"):
            ats, lengths = rows[f"{name}_at"].tolist(), rows[f"{name}_len"].tolist()
            texts = [batch.text[at : at + length].decode() for at, length in zip(ats, lengths, strict=True)]
            columns.append([json.dumps(text, ensure_ascii=False) for text in texts])
        elif name == "event_time":
            columns.append([str(time_us) for time_us in rows["event_time_us"].tolist()])
        else:
            columns.append(texts_i128(rows[f"{name}_hi"], rows[f"{name}_lo"]))
    keys = [json.dumps(names.get(name, name)) for name in NAMES]
    return [
        ("{" + ",".join(f"{key}:{value}" for key, value in zip(keys, values, strict=True)) + "}").encode()
        for values in zip(*columns, strict=True)
    ]
