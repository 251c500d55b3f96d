"""``tapeflow produce``: a recording, or a synthetic market, onto a Kafka topic.

The count it ends with is the number of records that the broker has acknowledged; anything less is an error.
"""

import math
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from jobs.progress import shown_progress
from schemas.errors import SettingError
from tapeflow.commands.entry import YEAR_S, enter, parse_field_map, people
from tapeflow.commands.file_options import (
    ColumnsOption,
    DecimalCommaOption,
    EncodingOption,
    FieldMapOption,
    LayoutOption,
    SymbolOption,
    WrittenAs,
    file_options,
    tell_reading,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.files.reader import TradeFile
    from connectors.values.column_plan import FileOptions
    from jobs.produce.kafka_writer import RecordWriter
    from jobs.produce.pace import Pace
    from jobs.produce.sender import Encode, TapeSender
    from runtime.settings.whole import Settings
    from schemas.columns import TradeBatch
    from schemas.desk import DeskKind

__all__ = ["ValueFormat", "produce"]

DENSITY: Final = 1_000.0
"""Trades per second of market time when no rate says otherwise."""
PACE_MAX: Final = 1_000_000_000
DAY_S: Final = 86_400.0
SYMBOLS: Final = 50
SEED: Final = 1


class Timestamps(StrEnum):
    event = "event"
    sent = "sent"


class Kind(StrEnum):
    trades = "trades"
    routing = "routing"
    lp = "lp"
    exposure = "exposure"
    quotes = "quotes"


class ValueFormat(StrEnum):
    confluent = "confluent"
    avro = "avro"
    json = "json"


def produce(
    file: Annotated[str | None, typer.Argument(help="Trade file or folder; - is a pipe.")] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Make trades up instead.")] = False,
    topic: Annotated[str | None, typer.Option(help="Topic instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    kind: Annotated[Kind, typer.Option(help="Trades, quotes, or records of a made-up desk.")] = Kind.trades,
    partitions: Annotated[
        int, typer.Option(min=0, max=100_000, help="Create the topic with so many if it isn't there.")
    ] = 0,
    rate: Annotated[
        float | None, typer.Option(min=0.001, max=PACE_MAX, help="Trades per second; not given: as fast as it goes.")
    ] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, max=PACE_MAX, help="Recorded speed times this.")] = None,
    symbols: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, show_default=str(SYMBOLS), help="Symbols of the synthetic market."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, max=YEAR_S, help="Stop after so long.")] = None,
    trades: Annotated[int | None, typer.Option(min=1, help="Stop after so many synthetic trades.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, show_default=str(SEED), help="Another seed, another synthetic market.")
    ] = None,
    timestamps: Annotated[
        Timestamps | None,
        typer.Option(help="Of records: event, the trades' own (default of a FILE sent at once), or sent."),
    ] = None,
    value_format: Annotated[ValueFormat | None, typer.Option("--format", help="Instead of the setting.")] = None,
    field_map: FieldMapOption = None,
    layout: LayoutOption = None,
    symbol: SymbolOption = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    decimal_comma: DecimalCommaOption = None,
) -> int:
    """Send trades, quotes or a desk's records to Kafka, keyed by symbol, at a rate or at recorded speed.

    Examples: tapeflow produce trades.csv.gz --speed 10 or tapeflow produce --kind routing --rate 200 --seconds 60 or
    tapeflow produce --synthetic --rate 20000 --seconds 60 --symbols 500 --partitions 8
    """
    of_market = {"--symbols": symbols, "--trades": trades, "--seed": seed}
    written = WrittenAs(layout, symbol, columns, encoding, decimal_comma)
    of_file = {"--speed": speed, "--field-map": field_map, **written.options()}
    if kind is Kind.quotes:
        _check_desk(kind, {"FILE": file, "--timestamps": timestamps, **of_file}, rate, trades)
        synthetic = True
    elif kind is not Kind.trades:
        _check_desk(kind, {"FILE": file, "--timestamps": timestamps, **of_file}, rate, trades)
        return _produce_desk(kind, topic, partitions, (rate, seconds, trades), symbols or SYMBOLS, seed, value_format)
    _check_source(file, synthetic, of_file, of_market)
    _check_pace(rate, speed, endless=synthetic and rate is None and trades is None and seconds is None)
    settings, encode = _of_kind(kind, topic, value_format, SEED if seed is None else seed)

    from jobs.produce.pace import sliced
    from jobs.produce.sender import FileTape, TapeSender

    # What a record is called in Kafka and in a file are two things; the setting speaks of Kafka.
    options = file_options(settings, written, parse_field_map(field_map) or {})
    tape, total = _tape(file, settings, options, symbols or SYMBOLS, SEED if seed is None else seed, trades, rate)
    own_times = (timestamps or default_timestamps(file, rate, speed)) is Timestamps.event
    sender = TapeSender(_writer(settings, partitions, own_times), encode, event_times=own_times)
    if total is None and seconds is not None and rate is not None:
        total = int(seconds * rate)
    began, files = time.monotonic(), tape.files if isinstance(tape, FileTape) else []
    limit_s = math.inf if seconds is None else seconds
    sent = said_of_times(tape, settings) if own_times else tape
    delivered = _send_all(sliced(sent, _pace(rate, speed), time.monotonic, time.sleep, limit_s), total, sender, files)
    took_s = time.monotonic() - began
    if isinstance(tape, FileTape) and tape.left_out:
        people().print(f"{tape.left_out} rows of {file} are no trades and were left out: see tapeflow bars --rejects")
    tell_reading(people(), files)
    return _tell_sent(delivered, settings.kafka_topic, took_s)


def _of_kind(kind: Kind, topic: str | None, value_format: ValueFormat | None, seed: int) -> "tuple[Settings, Encode]":
    """The settings of the topic of trades, or of quotes, and what makes its values."""
    from flows.quotes_reading import quotes_settings
    from jobs.produce.encoding import encoder_of
    from jobs.produce.quotes import quotes_encoder

    form = value_format and value_format.value
    if kind is Kind.quotes:
        settings = quotes_settings(enter(quotes_topic=topic, quotes_format=form))
        return settings, quotes_encoder(settings, seed)
    settings = enter(kafka_topic=topic, value_format=form)
    return settings, encoder_of(settings)


def _tell_sent(delivered: int, topic: str, took_s: float) -> int:
    typer.echo(f"{delivered} records delivered to {topic} in {took_s:.1f} s ({delivered / took_s:,.0f}/s)")
    return 0


def _check_desk(kind: Kind, unused: Mapping[str, object], rate: float | None, records: int | None) -> None:
    for name, value in unused.items():
        if value is not None:
            raise SettingError(f"--kind {kind.value} makes its own records", where=name, mend=f"leave {name} out")
    _check_pace(rate, None, endless=rate is None and records is None)


def _produce_desk(
    chosen: Kind,
    topic: str | None,
    partitions: int,
    pace: tuple[float | None, float | None, int | None],
    symbols: int,
    seed: int | None,
    value_format: ValueFormat | None,
) -> int:
    """Send the records of a made-up desk. ``pace``: rate, seconds, number of records."""
    from flows.analytics_reading import SETTING_OF, desk_settings
    from jobs.produce.desk import DeskMarket, desk_encoder, desk_schema_id
    from jobs.produce.desk_sender import DeskSender
    from schemas.desk import DESK_KINDS

    kind: DeskKind = next(each for each in DESK_KINDS if each == chosen.value)
    rate, seconds, records = pace
    whole = enter(**{SETTING_OF[kind]: topic})
    settings = desk_settings(whole, getattr(whole, SETTING_OF[kind]))
    if value_format is ValueFormat.avro:
        raise SettingError("Avro without a frame isn't read there", where="--format", mend="take json or confluent")
    framed = value_format is ValueFormat.confluent
    schema_id = desk_schema_id(kind, settings) if framed else None
    encode = desk_encoder(kind, "confluent" if framed else "json", schema_id)
    market = DeskMarket(kind, symbols, SEED if seed is None else seed)
    writer = _writer(settings, partitions, own_times=False)
    began = time.monotonic()
    sender = DeskSender(writer, market, encode, lambda: time.time_ns() // 1000, time.sleep)
    if rate is None:
        sender.send_at_once(records or 0)
    else:
        sender.send_at(rate, math.inf if seconds is None else seconds, records)
    delivered, took_s = writer.finish(), time.monotonic() - began
    return _tell_sent(delivered, settings.kafka_topic, took_s)


def _send_all(
    batches: "Iterable[TradeBatch]", total: int | None, sender: "TapeSender", files: "Sequence[TradeFile]"
) -> int:
    """Send each batch, with progress; the number delivered."""
    from connectors.files.reader import share_read

    with shown_progress(people(), "sending", "records") as progress:
        for batch in batches:
            sender.send(batch)
            progress.update(sender.sent, total, share_read(files) if files else None)
        return sender.finish()


def _writer(settings: "Settings", partitions: int, own_times: bool) -> "RecordWriter":
    """Of the topic, made now if it isn't there and ``partitions`` are given."""
    from jobs.produce.kafka_writer import ensure_topic, trades_writer
    from runtime.tracing.tracer import start_tracing

    if partitions:
        # A new topic for a recording: a broker would delete by its default what is a week old.
        config = {"retention.ms": "-1"} if own_times else {}
        ensure_topic(settings.kafka_bootstrap, settings.kafka_topic, partitions, settings.kafka_properties, config)
    start_tracing(settings, "produce")
    return trades_writer(settings)


def default_timestamps(file: str | None, rate: float | None, speed: float | None) -> Timestamps:
    """A recording sent at once is the past, and is found by its days; one that is paced plays the part of a feed."""
    return Timestamps.event if file is not None and rate is None and speed is None else Timestamps.sent


def said_of_times(batches: "Iterable[TradeBatch]", settings: "Settings") -> "Iterable[TradeBatch]":
    """The batches; before the first one goes out, what the topic does with times as old as its own. Raises SettingError
    when it would refuse them."""
    from jobs.produce.kafka_times import topic_times

    is_first = True
    for batch in batches:
        if is_first and len(batch):
            is_first = False
            times = topic_times(settings.kafka_bootstrap, settings.kafka_topic, settings.kafka_properties)
            oldest_ms = int(batch.rows["event_time_us"].min()) // 1000
            if remark := times.remark(settings.kafka_topic, oldest_ms, time.time_ns() // 1_000_000):
                people().print(remark)
        yield batch


def _check_source(
    file: str | None, synthetic: bool, of_file: Mapping[str, object], of_market: Mapping[str, object]
) -> None:
    """Raise SettingError unless there is one source, and for the first option given that would change nothing of it."""
    if (file is None) != synthetic:
        raise SettingError("give a FILE or --synthetic, one of the two", where="produce")
    unused, why, instead = (of_file, "--synthetic makes its own trades", "give a FILE")
    if not synthetic:
        unused, why, instead = (of_market, "a FILE's trades are as they are", "give --synthetic")
    for name, value in unused.items():
        if value is not None:
            raise SettingError(why, where=name, mend=f"leave {name} out, or {instead} instead")


def _check_pace(rate: float | None, speed: float | None, *, endless: bool) -> None:
    if rate is not None and speed is not None:
        raise SettingError("give --rate or --speed, not both", where="produce")
    if endless:
        raise SettingError("a synthetic market has no end", where="produce", mend="give --seconds, --trades or --rate")


def _pace(rate: float | None, speed: float | None) -> "Pace":
    from jobs.produce.pace import AtOnce, AtRate, AtSpeed

    return AtRate(rate) if rate is not None else AtSpeed(speed) if speed is not None else AtOnce()


def _tape(
    file: str | None,
    settings: "Settings",
    options: "FileOptions",
    symbols: int,
    seed: int,
    trades: int | None,
    rate: float | None,
) -> "tuple[Iterable[TradeBatch], int | None]":
    """The tape, and how many trades it has where that is known."""
    from connectors.synthetic import SyntheticMarket, symbol_names
    from flows.bars import open_all
    from jobs.produce.sender import FileTape, market_tape

    if file is not None:
        return FileTape(open_all([file], options, settings)), None
    # Without a rate the market's clock outruns ours, and trades from the future are refused: begin far enough back.
    back_s = 0.0 if rate else max(DAY_S, (trades or 0) / DENSITY)
    market = SyntheticMarket(symbol_names(symbols), seed=seed, start_us=int((time.time() - back_s) * 1_000_000))
    return market_tape(market, trades, rate or DENSITY), trades
