"""Frames of a venue to a real topic: each trade once, in order, and what can't be used kept with its reason."""

import json
import secrets
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from structlog.testing import capture_logs

from feeds.binance import BINANCE
from feeds.recording import Frame
from flows.quotes_reading import quotes_settings
from jobs.ingest.intake import TOGETHER_MAX, Intake
from jobs.ingest.letters import FeedLetters
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter
from jobs.produce.quotes import told_quotes_encoder
from jobs.produce.sender import TapeSender
from runtime.settings.whole import Settings
from schemas.columns import TradeBatch
from schemas.names import feed_dead_letter_topic
from tests.servers.kafka import make_topic


def frame(number: int, price: str = '"0.35280000"') -> Frame:
    text = f'{{"e":"trade","s":"BNBBTC","t":{number},"p":{price},"q":"100","T":{1_672_515_782_135 + number},"m":true}}'
    return Frame(1_672_515_782_135_000 + number, text.encode())


def records(bootstrap: str, topic: str) -> list[Any]:
    """All records of a topic of one partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    place = TopicPartition(topic, 0, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found: list[Any] = []
    while len(found) < end:
        found += consumer.consume(end - len(found), 10)
    consumer.close()
    return found


@pytest.fixture
def settings(kafka_bootstrap: str) -> Settings:
    topic = make_topic(kafka_bootstrap, f"intake-{secrets.token_hex(4)}")
    return Settings(kafka_bootstrap=kafka_bootstrap, kafka_topic=topic, value_format="json")


@pytest.fixture
def intake(settings: Settings) -> Intake:
    writer = RecordWriter(settings.kafka_bootstrap, settings.kafka_topic)
    return Intake(BINANCE, TapeSender(writer, encoder_of(settings)), None, FeedLetters(settings, "binance"))


def test_each_trade_goes_out_once_and_in_order(settings: Settings, intake: Intake) -> None:
    count = TOGETHER_MAX + 5
    for number in range(count):
        intake.take(frame(number))
        intake.take(frame(number))
    intake.finish()
    found = records(settings.kafka_bootstrap, settings.kafka_topic)
    values = [json.loads(record.value()) for record in found]
    assert [value["trade_id"] for value in values] == [str(number) for number in range(count)]
    assert {record.key() for record in found} == {b"BNB/BTC"}
    assert found[7].value().startswith(b'{"symbol":"BNB/BTC","price":0.3528,"size":100,"side":"SELL"')
    assert dict(intake.counts) == {"frames": 2 * count, "trades": count, "repeated": count}


def test_what_cannot_be_used_is_kept_as_it_came(settings: Settings, intake: Intake) -> None:
    frames = [frame(1), Frame(5, b"\xff<html>"), frame(2, '"cheap"'), frame(3)]
    for each in frames:
        intake.take(each)
    intake.finish()
    assert intake.counts["trades"] == 2
    assert (intake.counts["unreadable"], intake.counts["refused"]) == (1, 1)
    letters = records(settings.kafka_bootstrap, feed_dead_letter_topic(settings.kafka_topic))
    assert [(letter.key(), letter.value()) for letter in letters] == [
        (b"binance", frames[1].data),
        (b"binance", frames[2].data),
    ]
    headers = [dict(letter.headers()) for letter in letters]
    assert [(each["venue"], each["channel"], each["received_us"]) for each in headers] == [
        (b"binance", b"", b"5"),
        (b"binance", b"trades", b"1672515782135002"),
    ]
    assert b"price" in headers[1]["reason"]


CHANGES: dict[str, tuple[Frame, str]] = {
    "a message that nobody knows": (Frame(7, b'{"hello":"world"}'), "no message that this venue documents"),
    "a field that is gone": (Frame(7, frame(1).data.replace(b'"p":', b'"px":')), "missing required field `p`"),
    "a field of another kind": (Frame(7, frame(1).data.replace(b'"T":', b'"T":"","t2":')), "Expected `int`, got `str`"),
    "a number that is an object": (frame(1, "{}"), "neither a number nor a text"),
    "a text that is no number": (frame(1, '"cheap"'), "price"),
    "a market that wasn't asked for": (Frame(7, frame(1).data.replace(b"BNBBTC", b"BNBETH")), "wasn't asked for"),
    "no JSON": (Frame(7, b"<html>"), "malformed"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_venue_that_changes_its_form_is_named_at_once_counted_and_kept(what: str) -> None:
    kept: list[tuple[bytes, str]] = []

    class Letters:
        def write(self, value: bytes, channel: str, reason: str, received_us: int) -> None:
            kept.append((value, reason))

    class Sender:
        sent = delivered = 0

        def send(self, batch: TradeBatch) -> None:
            self.sent += len(batch)

    changed, reason = CHANGES[what]
    sender = Sender()
    venue = replace(BINANCE, rules=replace(BINANCE.rules, ids_follow=False))
    intake = Intake(venue, sender, None, Letters(), {"BNB/BTC"})  # type: ignore[arg-type]
    with capture_logs() as told:
        for each in (frame(0), changed, frame(2, "0.3528")):
            intake.take(each)
        intake.flush()
    assert sender.sent == 2, "a number for a text is the same number"
    assert intake.counts["unreadable"] + intake.counts["refused"] == 1
    ((value, why),) = kept
    assert value == changed.data
    assert reason in why
    (line,) = told
    assert (line["event"], line["venue"], line["frames"]) == ("feed_frame_refused", "binance", 1)
    assert reason in line["error"]


def test_best_bids_and_asks_go_to_a_topic_of_their_own(settings: Settings) -> None:
    of_quotes = quotes_settings(
        settings.model_copy(
            update={"quotes_topic": make_topic(settings.kafka_bootstrap, f"quotes-{secrets.token_hex(4)}")}
        )
    ).model_copy(update={"value_format": "json"})
    senders = [
        TapeSender(RecordWriter(each.kafka_bootstrap, each.kafka_topic), encode)
        for each, encode in ((settings, encoder_of(settings)), (of_quotes, told_quotes_encoder(of_quotes)))
    ]
    intake = Intake(BINANCE, *senders, FeedLetters(settings, "binance"))
    for bid in ('"25.35190000"', '"cheap"', '"25.4000000001"'):
        text = f'{{"u":4,"s":"BNBUSDT","b":{bid},"B":"31.21","a":"25.36520000","A":"40.66"}}'
        intake.take(Frame(1_672_515_782_135_000, text.encode()))
    intake.take(frame(1))
    intake.finish()
    assert dict(intake.counts) == {"frames": 4, "trades": 1, "quotes": 2, "refused": 1, "repeated": 0}
    found = records(settings.kafka_bootstrap, of_quotes.kafka_topic)
    assert [record.key() for record in found] == [b"BNB/USDT"] * 2
    assert found[1].value() == (
        b'{"symbol":"BNB/USDT","bid":25.4000000001,"bid_size":31.21,"ask":25.3652,"ask_size":40.66,'
        b'"event_time":1672515782135000,"exchange":"BINANCE"}'
    )
