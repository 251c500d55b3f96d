"""``tapeflow ingest``: what venues tell by their public WebSockets, on the topics of trades and of quotes.

Live sessions run until they are asked to stop; a recorded one is played by ``--play``. Numbers keep every digit that
the venue wrote.
"""

import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from schemas.errors import SettingError
from tapeflow.commands.entry import enter, people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feeds.marks import Mark
    from feeds.venue import Source
    from jobs.ingest.asked import Wanted
    from jobs.ingest.intake import Intake
    from jobs.ingest.recorder import Recorder
    from jobs.produce.sender import Encode, TapeSender
    from runtime.settings.whole import Settings

__all__ = ["ingest"]


WhatArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VENUE:SYMBOL,…",
        help="Markets to follow, such as bitget:BTC/USDT,ETH/USDT, or bitget:@FILE with symbols in it; "
        "the venue alone with --all-usdt or --on-demand. http-poll:AAPL asks the vendor of TAPEFLOW_POLL_URL.",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="First the trades since then, such as 2026-01-31T09:30:00Z, of markets that the topic has none of.",
    ),
]
SinceFileOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE", help="First the trades of this file or folder that the venue publishes; may be given again."
    ),
]


def ingest(
    what: WhatArgument = None,
    all_usdt: Annotated[
        bool, typer.Option("--all-usdt", help="Every market in USDT that the venues list, new ones too.")
    ] = False,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="What clients of the gateway watch, as TAPEFLOW_REDIS_URL has it.")
    ] = False,
    play: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recorded session instead, plain or gzipped.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="Whose session it is, where the recording doesn't name its address.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, show_default="at once", help="As recorded, so many times as fast.")
    ] = None,
    since: SinceOption = None,
    since_file: SinceFileOption = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the raw frames of one venue, for --play; .gz packs them.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Topic of trades instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    quotes: Annotated[
        bool, typer.Option(help="Best bids and asks too, to the topic that TAPEFLOW_QUOTES_TOPIC names.")
    ] = True,
    partitions: Annotated[int, typer.Option(min=0, help="Create topics with so many if they aren't there.")] = 0,
) -> int:
    """Send trades, best bids and asks of venues to Kafka, keyed by symbol, exact to the last digit.

    Live until Ctrl-C or SIGTERM: connections are opened again, gaps filled, repeated trades left out. Venues: bitget,
    binance, binance-futures, kraken, coinbase, okx, bybit, bybit-linear, bybit-inverse.

    Examples: tapeflow ingest bitget:BTC/USDT,ETH/USDT binance:BTC/USDT or tapeflow ingest --play bitget.ws.gz
    """
    if (play is None) == (not what):
        raise SettingError(
            "give markets to follow or a recording to play, one of the two",
            where="ingest",
            mend="such as bitget:BTC/USDT, or --play FILE",
        )
    of_past = {"--since": since, "--since-file": since_file}
    of_all = {"--all-usdt": all_usdt or None}
    if play is not None:
        _check_unused(
            "--play is a recording", {**of_past, **of_all, "--record": record, "--on-demand": on_demand or None}
        )
        return _play(play, venue, speed, enter(kafka_topic=topic), partitions, quotes=quotes)
    _check_unused("live sessions have it by themselves", {"--venue": venue, "--speed": speed})
    from feeds.polled import POLLED
    from jobs.ingest.asked import Wanted, asked_of

    if on_demand:
        _check_unused("--on-demand begins now", {**of_past, **of_all})
    asked = asked_of(what or [], venues_alone=all_usdt or on_demand)
    if POLLED in asked:
        _check_unused(f"{POLLED} lists no markets", of_all)
        _check_unused(f"{POLLED} has no session", {"--record": record})
    if len(asked) != 1:
        _check_unused("it is of one venue", {"--record": record, "--since-file": since_file})
    mark, settings = _mark(since), enter(kafka_topic=topic)
    wanted = Wanted(asked, quotes, mark, all_usdt, settings.redis_url if on_demand else "", tuple(since_file or ()))
    return _live(settings, wanted, record, partitions)


def _check_unused(why: str, options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise SettingError(why, where=name, mend=f"leave {name} out")


def _play(
    path: Path, name: str | None, speed: float | None, settings: "Settings", partitions: int, *, quotes: bool
) -> int:
    from feeds.recording import frames
    from jobs.ingest.playback import play as play_frames
    from jobs.ingest.playback import venue_of

    found = venue_of(path, name)
    # Played at once, a session is the past: its records are found by the days of what they tell.
    trades, bests = _senders(settings, partitions, own_times=speed is None, quotes=quotes)
    intake = _intake(found, settings, trades, bests)
    play_frames(frames(path), intake, speed, time.monotonic, time.sleep)
    intake.finish()
    _tell_sent(found.name, intake, settings, quotes=quotes)
    return 0


def _live(settings: "Settings", wanted: "Wanted", record: Path | None, partitions: int) -> int:
    from runtime.logging import configure_logging
    from runtime.metrics import serve_metrics

    configure_logging(settings.log_format, settings.log_level)
    served = serve_metrics(settings.metrics_port, address=settings.metrics_host)
    from jobs.ingest.recorder import Recorder

    recorder = None if record is None else Recorder(record)
    try:
        return _follow(settings, wanted, recorder, partitions)
    finally:
        if recorder is not None:
            recorder.close()
        if served is not None:
            served.close()


def _follow(settings: "Settings", wanted: "Wanted", recorder: "Recorder | None", partitions: int) -> int:
    from feeds.polled import POLLED
    from feeds.venues import VENUES
    from jobs.ingest.broker_watch import LIVE
    from jobs.ingest.kafka_tail import remember_tail
    from jobs.ingest.live import follow
    from jobs.ingest.polling import polled_of
    from jobs.ingest.view import shown_feeds
    from runtime.logging import configure_logging

    sources: dict[str, Source] = {
        name: polled_of(settings) if name == POLLED else VENUES[name] for name in wanted.asked
    }
    lasting = settings.model_copy(update={"kafka_properties": {**LIVE, **settings.kafka_properties}})
    trades, bests = _senders(lasting, partitions, own_times=False, quotes=wanted.quotes)
    intakes = {name: _intake(sources[name], lasting, trades, bests, symbols) for name, symbols in wanted.asked.items()}
    remember_tail(settings, {sources[name].exchange: intake.markets for name, intake in intakes.items()})
    if wanted.since_files:
        ((name, symbols),) = wanted.asked.items()
        _send_past(wanted.since_files, name, symbols, settings, trades, intakes[name])
    try:
        with shown_feeds(people(), [*wanted.asked]):
            configure_logging(settings.log_format, settings.log_level)  # above the screen
            if not sys.stderr.isatty():
                _announce(settings, wanted)
            follow(settings, wanted, intakes, recorder)
    finally:
        for intake in intakes.values():
            intake.finish()
    for name, intake in intakes.items():
        _tell_sent(name, intake, settings, quotes=wanted.quotes)
    return 0


def _announce(settings: "Settings", wanted: "Wanted") -> None:
    topics = [settings.kafka_topic, settings.quotes_topic] if wanted.quotes else [settings.kafka_topic]
    structlog.get_logger().info(
        "ingest_started",
        version=version("tapeflow"),
        venues=[*wanted.asked],
        topics=topics,
        settings=settings.changed(),
    )


def _send_past(
    files: "Sequence[str]",
    name: str,
    symbols: "Sequence[str]",
    settings: "Settings",
    trades: "TapeSender",
    intake: "Intake",
) -> None:
    from connectors.values.column_plan import FileOptions
    from feeds.venues import VENUES
    from flows.bars import open_all, read_valid
    from jobs.ingest.dump import layouts_of, send_dump
    from jobs.progress import shown_progress

    options = FileOptions(layouts=layouts_of(name))
    opened = open_all(files, options, settings)
    with shown_progress(people(), "sending files", "trades") as progress:
        batches = (batch for file in opened for batch in read_valid(file, settings))
        counts = send_dump(
            batches, trades, intake.markets, symbols, VENUES[name].exchange, progress.update, intake.series
        )
    told = f"{counts['sent']} trades of {len(opened)} files sent, {counts['repeated']} told before"
    people().print(f"{told}, {counts['refused']} rows refused")


def _mark(since: str | None) -> "Mark | None":
    from feeds.marks import Mark, time_us_of

    if since is None:
        return None
    time_us = time_us_of(since)
    if not 0 < time_us <= time.time_ns() // 1000:
        raise SettingError(
            f"no time that has been: {since[:40]}", where="--since", mend="say one with its zone: 2026-01-31T09:30:00Z"
        )
    return Mark(time_us)


def _senders(
    settings: "Settings", partitions: int, *, own_times: bool, quotes: bool
) -> "tuple[TapeSender, TapeSender | None]":
    """Of trades and of quotes."""
    from flows.quotes_reading import quotes_settings
    from jobs.produce.encoding import encoder_of
    from jobs.produce.quotes import told_quotes_encoder

    of_quotes = quotes_settings(settings)
    trades = _sender(settings, encoder_of(settings), partitions, own_times=own_times)
    if not quotes:
        return trades, None
    return trades, _sender(of_quotes, told_quotes_encoder(of_quotes), partitions, own_times=own_times)


def _intake(
    venue: "Source",
    settings: "Settings",
    trades: "TapeSender",
    quotes: "TapeSender | None",
    asked: "tuple[str, ...] | None" = None,
) -> "Intake":
    from feeds.series import series_of
    from jobs.ingest.intake import Intake
    from jobs.ingest.letters import FeedLetters

    series = series_of(settings.feed_series, venue.exchange)
    return Intake(venue, trades, quotes, FeedLetters(settings, venue.name), asked, series)


def _tell_sent(name: str, intake: "Intake", settings: "Settings", *, quotes: bool) -> None:
    from schemas.names import feed_dead_letter_topic

    counts = intake.counts
    if counts["unreadable"] or counts["refused"]:
        unused = f"{counts['unreadable']} frames and {counts['refused']} trades or quotes"
        people().print(f"{unused} couldn't be used and stand in {feed_dead_letter_topic(settings.kafka_topic)}")
    sent = f"{counts['trades']} trades of {name} delivered to {settings.kafka_topic}"
    if quotes:
        sent += f" and {counts['quotes']} quotes to {settings.quotes_topic}"
    typer.echo(f"{sent}, out of {counts['frames']} frames; {counts['repeated']} trades told again and left out")


def _sender(settings: "Settings", encode: "Encode", partitions: int, *, own_times: bool) -> "TapeSender":
    """To the topic that ``settings`` name, made now if it isn't there and ``partitions`` are given."""
    from jobs.produce.kafka_writer import ensure_topic, trades_writer
    from jobs.produce.sender import TapeSender
    from runtime.tracing.tracer import start_tracing

    if partitions:
        ensure_topic(settings.kafka_bootstrap, settings.kafka_topic, partitions, settings.kafka_properties)
    start_tracing(settings, "ingest")
    return TapeSender(trades_writer(settings), encode, event_times=own_times)
