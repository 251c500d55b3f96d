"""``tapeflow ingest``: what a venue tells by its public WebSocket, on the topics of trades and of quotes.

A recorded session is played by ``--play``. Numbers keep every digit that the venue wrote.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import SettingError
from tapeflow.commands.entry import enter, people

if TYPE_CHECKING:
    from feeds.venue import Venue
    from jobs.produce.sender import Encode, TapeSender
    from runtime.settings.whole import Settings

__all__ = ["ingest"]


def ingest(
    play: Annotated[Path, typer.Option(metavar="FILE", help="A recorded session, plain or gzipped.")],
    venue: Annotated[
        str | None, typer.Option(help="Whose session it is, where the recording doesn't name its address.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, show_default="at once", help="As recorded, so many times as fast.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Topic of trades instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    quotes: Annotated[
        bool, typer.Option(help="Best bids and asks too, to the topic that TAPEFLOW_QUOTES_TOPIC names.")
    ] = True,
    partitions: Annotated[int, typer.Option(min=0, help="Create topics with so many if they aren't there.")] = 0,
) -> int:
    """Send trades, best bids and asks of a recorded venue session to Kafka, keyed by symbol, exact to the last digit.

    Venues: bitget, binance, binance-futures, kraken, coinbase, okx, bybit, bybit-linear, bybit-inverse.

    Example: tapeflow ingest --play bitget.ws.gz --partitions 4
    """
    from feeds.recording import frames
    from flows.quotes_reading import quotes_settings
    from jobs.ingest.intake import Intake
    from jobs.ingest.letters import FeedLetters
    from jobs.ingest.playback import play as play_frames
    from jobs.produce.encoding import encoder_of
    from jobs.produce.quotes import told_quotes_encoder

    found = _venue(play, venue)
    settings = enter(kafka_topic=topic)
    of_quotes = quotes_settings(settings)
    # Played at once, a session is the past: its records are found by the days of what they tell.
    own_times = speed is None
    trades = _sender(settings, encoder_of(settings), partitions, own_times=own_times)
    bests = _sender(of_quotes, told_quotes_encoder(of_quotes), partitions, own_times=own_times) if quotes else None
    letters = FeedLetters(settings, found.name)
    intake = Intake(found, trades, bests, letters)
    play_frames(frames(play), intake, speed, time.monotonic, time.sleep)
    intake.finish()
    counts = intake.counts
    if letters.written:
        unused = f"{counts['unreadable']} frames and {counts['refused']} trades or quotes"
        people().print(f"{unused} couldn't be used and stand in {letters.topic}")
    sent = f"{counts['trades']} trades of {found.name} delivered to {settings.kafka_topic}"
    if quotes:
        sent += f" and {counts['quotes']} quotes to {of_quotes.kafka_topic}"
    typer.echo(f"{sent}, out of {counts['frames']} frames; {counts['repeated']} trades told again and left out")
    return 0


def _sender(settings: "Settings", encode: "Encode", partitions: int, *, own_times: bool) -> "TapeSender":
    """To the topic that ``settings`` name, made now if it isn't there and ``partitions`` are given."""
    from jobs.produce.kafka_writer import RecordWriter, ensure_topic
    from jobs.produce.sender import TapeSender

    if partitions:
        ensure_topic(settings.kafka_bootstrap, settings.kafka_topic, partitions, settings.kafka_properties)
    writer = RecordWriter(settings.kafka_bootstrap, settings.kafka_topic, settings.kafka_properties)
    writer.check()
    return TapeSender(writer, encode, event_times=own_times)


def _venue(play: Path, name: str | None) -> "Venue":
    """By its name, else by the address in the recording. Raises SettingError."""
    from feeds.recording import address_of
    from feeds.venues import VENUES, venue_at

    if name is not None:
        if name not in VENUES:
            raise SettingError(f"unknown venue {name}", where="--venue", mend=f"take one of {', '.join(VENUES)}")
        return VENUES[name]
    address = address_of(play)
    found = venue_at(address) if address is not None else None
    if found is None:
        what = "the recording names no address" if address is None else f"no venue is known at {address[:100]}"
        raise SettingError(what, where=str(play), mend=f"give --venue: {', '.join(VENUES)}")
    return found
