"""Trades to record values, in the format that the settings say the topic has.

``produce`` and the demo take their encoder from here. Law: what is written is read back by the flows with the same
settings to the same trade. Under a Schema Registry the shipped Trade schema is registered for the topic and its id
stands in the frame; without one, the shipped id does.
"""

import json
from typing import Final

from connectors.avro_encode import encode_trades, split_values
from connectors.registry import RegistryOptions, SchemaRegistry
from schemas.avro import TRADE_SCHEMA_ID, schema_text
from schemas.columns import TradeBatch
from schemas.decimals import texts_i128
from tapeflow.produce import Encode
from tapeflow.settings import Settings

__all__ = ["encode_json", "encoder_of"]

SIDES: Final = ("BUY", "SELL", "UNKNOWN")


def encoder_of(settings: Settings) -> Encode:
    """The encoder of the trades topic. Raises what the registry raises when it doesn't take the schema."""
    if settings.value_format == "json":
        return encode_json
    schema_id = _schema_id(settings) if settings.value_format == "confluent" else None

    def encode(batch: TradeBatch) -> list[bytes]:
        return split_values(*encode_trades(batch.rows, batch.text, schema_id))

    return encode


def _schema_id(settings: Settings) -> int:
    if not settings.schema_registry_url:
        return TRADE_SCHEMA_ID
    options = RegistryOptions(
        settings.schema_registry_url, settings.schema_registry_user, settings.schema_registry_password
    )
    return SchemaRegistry(options).register(f"{settings.kafka_topic}-value", schema_text("Trade"))


def encode_json(batch: TradeBatch) -> list[bytes]:
    """JSON objects with our field names; numbers with all their digits, time in microseconds."""
    rows, text = batch.rows, batch.text
    numbers = {name: texts_i128(rows[f"{name}_hi"], rows[f"{name}_lo"]) for name in ("price", "size", "bid", "ask")}

    def texts(name: str) -> list[str]:
        ats, lengths = rows[f"{name}_at"].tolist(), rows[f"{name}_len"].tolist()
        return [_quoted(text[at : at + length]) for at, length in zip(ats, lengths, strict=True)]

    has_bid, has_ask = rows["has_bid"].tolist(), rows["has_ask"].tolist()
    columns = zip(
        texts("symbol"),
        numbers["price"],
        numbers["size"],
        rows["side"].tolist(),
        texts("trade_id"),
        rows["event_time_us"].tolist(),
        texts("exchange"),
        [text if there else "null" for text, there in zip(numbers["bid"], has_bid, strict=True)],
        [text if there else "null" for text, there in zip(numbers["ask"], has_ask, strict=True)],
        strict=True,
    )
    return [
        (
            f'{{"symbol":{symbol},"price":{price},"size":{size},"side":"{SIDES[side]}","trade_id":{trade_id},'
            f'"event_time":{time_us},"exchange":{exchange},"bid":{bid},"ask":{ask}}}'
        ).encode()
        for symbol, price, size, side, trade_id, time_us, exchange, bid, ask in columns
    ]


def _quoted(text: bytes) -> str:
    return json.dumps(text.decode("utf-8", "replace"), ensure_ascii=False)
