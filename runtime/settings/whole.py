"""Every tunable of tapeflow: one flat class, read once at the edge and passed down.

Values come from arguments, then TAPEFLOW_ environment variables, then a TOML file (TAPEFLOW_CONFIG, else
./tapeflow.toml), then the defaults below. Law: a wrong or unknown setting is one SettingError line before anything is
opened, and secrets are never printed. The surprise: an empty variable counts as not set, as compose files make them.
docs/settings.md is generated from here (``describe_settings``) and a test keeps it so.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from runtime.settings.file import SettingsFile
from runtime.settings.gateway import GatewaySettings
from runtime.settings.types import (
    YEAR_MS,
    Names,
    address_list,
    addresses,
    lateness_by_interval,
    own_fields,
    setting,
    side_words,
    start_position,
    url,
    zoned_time,
)
from runtime.settings.words import PREFIX, describe_fields, masked, not_readable, unknown, wrong_value
from schemas.errors import SettingError
from schemas.intervals import INTERVALS
from schemas.names import DATABASE, TRADES_TOPIC, dead_letter_topic

__all__ = ["Settings", "describe_settings", "load_settings"]

CONFIG_VARIABLE: Final = PREFIX + "CONFIG"
CONFIG_FILE: Final = "tapeflow.toml"
HOUR_MS: Final = 3_600_000


class Settings(GatewaySettings):
    """All settings, immutable. Times are milliseconds; a field's description is what docs/settings.md shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    # Kafka: where trades come from and where refused ones go.
    kafka_bootstrap: Annotated[str, AfterValidator(address_list)] = setting(
        "127.0.0.1:9092", "Kafka brokers to start from; the default is a broker on this machine"
    )
    kafka_topic: str = setting(TRADES_TOPIC, "Topic of trades, keyed by symbol", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    kafka_properties: dict[str, str | int | float | bool] = setting(
        {}, "librdkafka properties passed through as they are, such as SASL and TLS; JSON", secret=True
    )
    kafka_start: Annotated[str, AfterValidator(start_position)] = setting(
        "earliest", "Where a flow without recovery state starts; earliest, so that no bar begins in its middle"
    )
    dead_letter_topic: str = setting(
        "",
        "Topic of refused records; empty means the trades topic with .dead-letter behind its name",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    dead_letters_from: Literal["history", "live", "both", "none"] = setting(
        "history", "Which flow writes refused records to the dead-letter topic; one is enough when both run"
    )
    rekey_topic: str = setting(
        "",
        "Topic keyed by symbol that `tapeflow rekey` writes from the trades topic; empty means none",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    bars_topic: str = setting(
        "",
        "Compacted topic that gets final bars; empty means off, as most readers use ClickHouse",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    schema_registry_url: Annotated[str, AfterValidator(url("http", "https"))] = setting(
        "", "Schema Registry that explains schema ids; empty means the schemas shipped with tapeflow"
    )
    schema_registry_user: str = setting("", "User for the registry's basic authentication; empty means none")
    schema_registry_password: str = setting("", "Password for the registry's basic authentication", secret=True)
    value_format: Literal["confluent", "avro", "json"] = setting(
        "confluent", "How record values are written: Avro with Confluent's 5-byte frame, plain Avro, or JSON"
    )
    field_map: Annotated[dict[str, str], AfterValidator(own_fields)] = setting(
        {},
        'Our trade field → the name in your records, e.g. {"size": "qty"}; JSON; empty means the same names; with a ?'
        " behind it some records may lack the field, with [] every item of an array is a trade (docs/values.md)",
    )
    time_unit: Literal["auto", "s", "ms", "us", "ns"] = setting(
        "auto", "Unit of event times given as plain numbers; auto takes it from the size of the number"
    )
    time_origin: Annotated[str, AfterValidator(zoned_time)] = setting(
        "",
        "Moment that event times given as plain numbers count from, e.g. 2026-01-31T00:00:00-05:00 where they are"
        " seconds after midnight; empty means 1970",
    )
    side_map: Annotated[dict[str, str], AfterValidator(side_words)] = setting(
        {},
        'Your word for a side → BUY, SELL or UNKNOWN, e.g. {"1": "BUY", "2": "SELL"}; JSON; buy, b, bid, sell, s, ask,'
        " a and the like need none",
    )
    side_of: Literal["taker", "maker"] = setting(
        "taker", "Whose side the words name; maker turns them round, and takes true for: the buyer is the maker"
    )
    signed_size: bool = setting(False, "A size below zero is a sell of that size, one above zero a buy")
    price_scale: int = setting(
        0, "Decimal places of prices sent as whole numbers: a price of 2238200 with 4 is 223.82", ge=0, le=38
    )
    size_scale: int = setting(0, "Decimal places of sizes sent as whole numbers, as of prices", ge=0, le=38)
    round_numbers: bool = setting(
        False, "Round numbers of more than 10 decimal places half-even, and count them; off, so that none is changed"
    )
    batch_records_max: int = setting(
        10_000, "Most records in one batch; larger only costs latency and memory", unit="records", ge=1, le=1_000_000
    )
    value_bytes_max: int = setting(
        1_000_000, "A larger record value is refused; Kafka's own default limit", unit="bytes", ge=100, le=100_000_000
    )

    # Time: when a bar closes and when it refuses trades.
    out_of_order_ms: int = setting(
        5_000, "How far behind the newest a trade may arrive before bars close without it", unit="ms", ge=0, le=HOUR_MS
    )
    lateness_ms: int = setting(
        60_000, "How long after its close a bar still takes late trades, as a revision", unit="ms", ge=0, le=YEAR_MS
    )
    lateness_ms_by_interval: Annotated[dict[str, int], AfterValidator(lateness_by_interval)] = setting(
        {}, 'Lateness of single intervals, e.g. {"1D": 3600000}; JSON; the others take lateness_ms', unit="ms"
    )
    future_ms: int = setting(
        60_000,
        "A trade stamped further ahead of its Kafka record is refused, as it would close every bar",
        unit="ms",
        ge=0,
        le=YEAR_MS,
    )
    dedupe: bool = setting(
        False,
        "Drop a trade whose id was seen before for its symbol and exchange; off, as not every venue has ids",
    )
    dedupe_window: int = setting(
        100_000,
        "How many ids a partition remembers: 48 bytes each, which a snapshot writes; what was forgotten is unjudged",
        unit="ids",
        ge=1,
        le=20_000_000,
    )
    dedupe_span_ms: int = setting(
        HOUR_MS,
        "From which distance in event time on an id seen before is another trade's, as where ids begin anew each day",
        unit="ms",
        ge=1,
        le=YEAR_MS,
    )
    source_epoch: int = setting(
        0, "Raise by one when the topic was created anew, so that sequences keep rising", ge=0, le=511
    )
    idle_close_ms: int = setting(
        10_000, "A caught-up partition without trades publishes ended bars as final after this", unit="ms", ge=100
    )

    # ClickHouse: history.
    clickhouse_dsn: Annotated[str, AfterValidator(url("clickhouse", "clickhouses"))] = setting(
        "clickhouse://127.0.0.1:9000", "Server of the native protocol, as clickhouse://user:password@host:port"
    )
    clickhouse_database: str = setting(DATABASE, "Database of our tables", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    write_trades: bool = setting(
        True, "Keep every raw trade too; most of the work of history, so turn it off where bars are enough"
    )
    insert_rows_max: int = setting(
        40_000, "Most rows in one insert; larger ones cost memory and gain little", unit="rows", ge=1_000, le=5_000_000
    )
    clickhouse_ttl_days: int = setting(0, "Age at which raw trades are deleted; 0 keeps them", unit="days", ge=0)

    # Redis: now, and the fan-out.
    redis_url: Annotated[str, AfterValidator(url("redis", "rediss", "unix"))] = setting(
        "redis://127.0.0.1:6379/0",
        "Redis server, as redis://user:password@host:port/db; a single primary, a node of a Redis Cluster is refused",
    )
    redis_hash_tags: bool = setting(
        False, "Put the symbol in braces in keys, for readers that spread copies over a Redis Cluster; names only"
    )
    conflation_ms: int = setting(
        100,
        "A symbol's live state is published at most this often; 0 publishes every batch",
        unit="ms",
        ge=0,
        le=60_000,
    )
    bars_conflation_ms: int = setting(
        250,
        "Open bars go out once in this time, each interval at its own moment; conflation_ms where that is longer",
        unit="ms",
        ge=0,
        le=60_000,
    )
    candles_kept: int = setting(
        1_000,
        "Final bars kept per symbol and interval, fewer where candles_mb_max is reached",
        unit="bars",
        ge=1,
        le=100_000,
    )
    candles_mb_max: int = setting(
        400,
        "Redis's memory for final bars, shared alike by all symbols: twice the symbols keep half the bars",
        unit="MB",
        ge=1,
    )
    stream_minutes_max: float = setting(
        10, "What the fan-out streams hold at most: how far back their readers can go on", unit="minutes", ge=0.1
    )
    stream_mb_max: int = setting(
        200,
        "Redis's memory for all fan-out streams together; the tighter of this and the minutes holds",
        unit="MB",
        ge=1,
    )
    publish_updates: bool = setting(False, "Publish on market-data:updates too, for simple consumers; costs bandwidth")

    # Running.
    epoch_ms: int = setting(
        2_000, "Time between snapshots; what a crash repeats, and what recovery costs", unit="ms", ge=100, le=60_000
    )
    recovery_dir: Path = setting(Path(".data/recovery"), "Folder of recovery state; must outlive the process")
    recovery_partitions: int = setting(
        16, "Files of recovery state, written side by side; fixed when the state is made", ge=1, le=1024
    )
    cluster_addresses: Annotated[Names, AfterValidator(addresses)] = setting(
        (), "host:port of every process of the flow, in order, with commas; empty means one process or --processes"
    )
    cluster_process: int = setting(
        -1, "Which of cluster_addresses this process is; -1 takes the number at the end of its hostname", ge=-1, le=1023
    )
    data_dir: Path = setting(Path(".data"), "Folder of the embedded stack's data")
    metrics_host: str = setting(
        "0.0.0.0",  # noqa: S104 - Prometheus scrapes from elsewhere
        "Address that metrics are served on; 127.0.0.1 keeps them on the host",
    )
    metrics_port: int = setting(0, "Port of Prometheus metrics; 0 means off", ge=0, le=65_535)
    quality_metrics: Literal["off", "partitions", "symbols"] = setting(
        "partitions",
        "Quality figures of history as metrics: added up per partition, or of each symbol, which may be many series",
    )
    log_format: Literal["auto", "json", "console"] = setting("auto", "auto writes for people on a terminal, else JSON")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Least level that is logged")

    @model_validator(mode="after")
    def _derive(self) -> Self:
        if not self.dead_letter_topic:
            object.__setattr__(self, "dead_letter_topic", dead_letter_topic(self.kafka_topic))
        return self

    @property
    def lateness_us(self) -> tuple[int, ...]:
        """Allowed lateness of each of INTERVALS, in microseconds."""
        return tuple(1000 * self.lateness_ms_by_interval.get(each.name, self.lateness_ms) for each in INTERVALS)

    def changed(self) -> dict[str, object]:
        """What differs from the defaults, as it may be shown: secrets are masked."""
        shown = self.model_dump(mode="json")
        derived = {"dead_letter_topic": dead_letter_topic(self.kafka_topic)}
        return {
            name: masked(field, shown[name])
            for name, field in type(self).model_fields.items()
            if getattr(self, name) not in (field.default, derived.get(name, field.default))
        }

    def environment(self) -> dict[str, str]:
        """Variables that give a child process the same settings, whatever its own environment and file say."""
        texts = {name: _as_variable(value) for name, value in self.model_dump(mode="json").items()}
        # No file: it would fill in what is empty here.
        return {CONFIG_VARIABLE: os.devnull, **{PREFIX + name.upper(): text for name, text in texts.items() if text}}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        fields = type(self).model_fields
        return [(name, masked(fields[name], getattr(self, name))) for name in fields]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
        return init_settings, env_settings, SettingsFile(settings_cls, path)


def _as_variable(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def load_settings(**overrides: object) -> Settings:
    """Settings from ``overrides`` (None = not given), environment and file; raises SettingError with one line."""
    given = {name: value for name, value in overrides.items() if value is not None}
    path = os.environ.get(CONFIG_VARIABLE)
    if path and path != os.devnull and not Path(path).is_file():
        raise SettingError(
            f"{CONFIG_VARIABLE} names no file", where=path, mend="give the path of a TOML file or unset it"
        )
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for variable in sorted(os.environ):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise unknown(variable, known)
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        raise wrong_value(Settings.model_fields, error, given, path or CONFIG_FILE) from None
    except (SettingsError, tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise not_readable(Settings.model_fields, error, path or CONFIG_FILE) from None


def describe_settings() -> str:
    """The Markdown table of docs/settings.md: variable, default, allowed values, unit, description."""
    fields = Settings.model_fields
    others = {name: field for name, field in fields.items() if name not in GatewaySettings.model_fields}
    return describe_fields({**others, **fields})
