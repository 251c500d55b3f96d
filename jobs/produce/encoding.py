"""Trades to record values, in the format that the settings say the topic has.

``produce`` and the demo take their encoder from here. The flows with the same settings read back the trade that was
written; where they couldn't, nothing is written. Under a Schema Registry the Trade schema is registered for the topic,
with the names of ``field_map``, and its id stands in the frame; without one, the shipped id does, and our names.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np

from connectors.avro.encode import encode_trades, split_values
from connectors.values.fields import Field, Wanted, field_paths, item_fields, wanted_tree
from flows.reading import registry_of
from jobs.produce.sender import Encode
from kernels.decimal_text import texts_i128
from runtime.settings.whole import Settings
from schemas.avro import TRADE_SCHEMA_ID, load_schema, schema_text
from schemas.columns import TradeBatch
from schemas.errors import SettingError

__all__ = ["encoder_of", "json_encoder"]

SIDES: Final = ('"BUY"', '"SELL"', '"UNKNOWN"')
TEXTS: Final = (Field.SYMBOL, Field.TRADE_ID, Field.EXCHANGE)
WRITTEN: Final = (
    Field.SYMBOL,
    Field.PRICE,
    Field.SIZE,
    Field.SIDE,
    Field.TRADE_ID,
    Field.EVENT_TIME,
    Field.EXCHANGE,
    Field.BID,
    Field.ASK,
)
"""The order of the Trade schema."""
DIGITS: Final = {"s": 6, "ms": 3, "us": 0}
"""Digits of a microsecond behind the point of each unit."""
AUTO_US_MIN: Final = 10**14
AUTO_US_END: Final = 10**17
AUTO_US_LEAST: Final = 315_532_800_000_000
"""A plain number that reads as a time before 1980 isn't believed, so earlier ones are ISO 8601."""
DAY_US: Final = 86_400_000_000
JSON: Final = msgspec.json.Encoder()
OWN_WORDS: Final = ("time_origin", "side_map", "side_of", "signed_size", "price_scale", "size_scale")
AVRO_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def encoder_of(settings: Settings) -> Encode:
    """The encoder of the trades topic.

    Raises SettingError where nothing could be written that the settings read back, and what the registry raises when
    it doesn't take the schema.
    """
    _require_own_words(settings)
    if settings.value_format == "json":
        return json_encoder(settings.field_map, settings.time_unit)
    schema_id = _schema_id(settings)

    def encode(batch: TradeBatch) -> list[bytes]:
        return split_values(*encode_trades(batch.rows, batch.text, schema_id))

    return encode


def _require_own_words(settings: Settings) -> None:
    """Raises SettingError where the settings would read what is written here as another trade."""
    changed = [name for name in OWN_WORDS if getattr(settings, name) != Settings.model_fields[name].default]
    if changed:
        raise SettingError(
            "trades are written in tapeflow's own words, which this setting would make the flows read otherwise",
            where=", ".join(changed),
            mend="unset it where the topic is written and read, and say how a file is written by --layout",
        )


def _schema_id(settings: Settings) -> int | None:
    """None for values without a frame."""
    names = {field: name for name, field in _written_paths(settings.field_map).items()}
    renamed = any(name != field.name.lower() for field, name in names.items())
    if renamed and (settings.value_format == "avro" or not settings.schema_registry_url):
        raise SettingError(
            "the shipped Avro schema has our field names, so field_map would refuse every record",
            where=f"value_format {settings.value_format}",
            mend="unset TAPEFLOW_FIELD_MAP, use json, or use confluent with TAPEFLOW_SCHEMA_REGISTRY_URL",
        )
    if settings.value_format == "avro":
        return None
    if not settings.schema_registry_url:
        return TRADE_SCHEMA_ID
    schema = _renamed_schema(names) if renamed else schema_text("Trade")
    return registry_of(settings).register(f"{settings.kafka_topic}-value", schema)


def _renamed_schema(names: Mapping[Field, str]) -> str:
    schema = load_schema("Trade")
    for field in schema["fields"]:
        name = names[Field[field["name"].upper()]]
        if not AVRO_NAME.fullmatch(name):
            raise SettingError(
                f"Avro is written flat, and {name} is no name of a field in it",
                where="field_map",
                mend="use letters, digits and _ only, or TAPEFLOW_VALUE_FORMAT=json",
            )
        field["name"] = name
    return json.dumps(schema, separators=(",", ":"))


def _written_paths(field_map: Mapping[str, str]) -> dict[str, Field]:
    """Their (dotted) name -> our field, in the order in which fields are written."""
    paths = field_paths(field_map)
    if item_fields(paths):
        raise SettingError(
            "trades are written one a record, which this field_map reads as arrays",
            where="field_map",
            mend="leave out the [] where the topic is written",
        )
    fields = {field: path for path, field in paths.items()}
    for field in WRITTEN:
        if field not in fields:
            name = field.name.lower()
            raise SettingError(
                f"another field is read from {name}, which leaves {name} no name of its own",
                where="field_map",
                mend=f"map {name} too",
            )
    return {fields[field]: field for field in WRITTEN}


def json_encoder(field_map: Mapping[str, str] | None = None, time_unit: str = "auto") -> Encode:
    """Encoder of JSON objects with the names of ``field_map``, and times in ``time_unit``.

    Numbers have all their digits: a time that is no whole number of its unit has them behind a point. For ``auto``, a
    time whose microseconds would pass for another unit stands in seconds. A number that wouldn't be believed to be a
    time (connectors.values.times) stands as ISO 8601.
    """
    paths = _written_paths(field_map or {})
    tree = wanted_tree(paths)
    return partial(_encode_json, _template(tree), _leaves(tree), time_unit)


def _template(tree: Wanted) -> str:
    """The JSON object with %s for each value."""
    members = [
        # All ASCII: of the ways to write a name, decoders know the plain one and this.
        json.dumps(name).replace("%", "%%") + ":" + ("%s" if isinstance(below, Field) else _template(below))
        for name, below in tree.items()
    ]
    return f"{{{','.join(members)}}}"


def _leaves(tree: Wanted) -> list[Field]:
    """The field of each %s of the template."""
    return [leaf for below in tree.values() for leaf in ([below] if isinstance(below, Field) else _leaves(below))]


def _encode_json(template: str, fields: list[Field], time_unit: str, batch: TradeBatch) -> list[bytes]:
    columns = [_column(batch, field, time_unit) for field in fields]
    return [(template % values).encode() for values in zip(*columns, strict=True)]


def _column(batch: TradeBatch, field: Field, time_unit: str) -> list[str]:
    """JSON texts of one field."""
    rows, name = batch.rows, field.name.lower()
    if field in TEXTS:
        ats, lengths = rows[f"{name}_at"].tolist(), rows[f"{name}_len"].tolist()
        return [_quoted(batch.text[at : at + length]) for at, length in zip(ats, lengths, strict=True)]
    if field is Field.EVENT_TIME:
        return [_time(time_us, time_unit) for time_us in rows["event_time_us"].tolist()]
    if field is Field.SIDE:
        return [SIDES[side] for side in rows["side"].tolist()]
    numbers: list[str] = texts_i128(rows[f"{name}_hi"], rows[f"{name}_lo"])
    if field in (Field.BID, Field.ASK):
        present: list[Any] = rows[f"has_{name}"].tolist()
        return [text if there else "null" for text, there in zip(numbers, present, strict=True)]
    return numbers


def _time(time_us: int, unit: str) -> str:
    is_whole = unit != "auto" and time_us % 10 ** DIGITS.get(unit, 0) == 0
    if 0 <= time_us < (AUTO_US_LEAST if unit == "auto" else DAY_US) and not is_whole:
        return f'"{np.datetime64(time_us, "us")}Z"'
    if unit == "ns":
        return str(time_us * 1000)
    if unit == "auto":
        unit = "us" if AUTO_US_MIN <= time_us < AUTO_US_END else "s"
    digits = DIGITS[unit]
    whole, rest = divmod(abs(time_us), 10**digits)
    sign = "-" if time_us < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}d}" if rest else f"{sign}{whole}"


def _quoted(text: bytes) -> str:
    return JSON.encode(text.decode("utf-8", "replace")).decode()
