"""A polled vendor end to end: a scripted one, the command as a process, a real topic, and what is watched in Redis."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.stores.redis_pool import open_redis
from schemas.names import SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL
from tests.integration.jobs.ingest.live_world import Ingester, eventually
from tests.servers.redis import RedisServer
from tests.servers.vendor import ALPHA_VANTAGE, TWELVE_DATA_QUOTE, ScriptedVendor
from tests.servers.venue import hang_up, status

KEY = "S3CR3T-KEY"
Story = Callable[[ScriptedVendor, Ingester], Awaitable[None]]


def run(story: Story, bootstrap: str, folder: Path, *words: str, path: str, **settings: str) -> Ingester:
    """The ingester at its end; the key must be nowhere."""
    found: list[Ingester] = []

    async def run() -> None:
        async with ScriptedVendor() as vendor:
            ingester = Ingester(bootstrap, folder, vendor, *words)
            found.append(ingester)
            ingester.settings |= {
                "POLL_URL": f"{vendor.place}/{path}symbol={{symbol}}&apikey={{key}}", "POLL_KEY": KEY,
                "POLL_INTERVAL_MS": "50", "POLL_PER_MINUTE": "60000", **settings,
            }  # fmt: skip
            try:
                await story(vendor, ingester)
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            assert all(f"apikey={KEY}" in path for path in vendor.paths)

    asyncio.run(run())
    (ingester,) = found
    assert KEY not in ingester.log.read_text() + ingester.output.read_text()
    return ingester


def test_new_quotes_go_out_once_and_what_is_none_becomes_a_letter(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(vendor: ScriptedVendor, ingester: Ingester) -> None:
        quotes = [ALPHA_VANTAGE % ("AAPL", price) for price in ("189.9000", "189.9000", "190.0100", "189.9000")]
        invalid = f'{{"Error Message":"the parameter apikey is invalid: {KEY}"}}'
        vendor.say("AAPL", *quotes[:2], invalid, status(500, "<html>"), hang_up, *quotes[2:])
        vendor.say("BTC/USD", ALPHA_VANTAGE % ("BTC/USD", "1234567890123.1234567890"))
        vendor.say("GONE", '{"Global Quote": {}}')
        ingester.start()
        await ingester.until(4, 20)
        await eventually(lambda: "GONE" in str(ingester.events("feed_symbol_expired")))
        assert vendor.count("AAPL") >= 7
        assert vendor.count("GONE") < vendor.count("BTC/USD")

    ingester = run(
        story, kafka_bootstrap, tmp_path, "http-poll:AAPL,BTC/USD,GONE", path="query?function=GLOBAL_QUOTE&",
        POLL_PRICE="/Global Quote/05. price", POLL_EXCHANGE="ALPHA", POLL_STALE_MS="1000",
    )  # fmt: skip
    rows, now_us = ingester.rows(), time.time_ns() // 1000
    assert [row[2] for row in rows if row[0] == "AAPL"] == [Decimal("189.9"), Decimal("190.01"), Decimal("189.9")]
    assert [row[2] for row in rows if row[0] == "BTC/USD"] == [Decimal("1234567890123.1234567890")]
    assert all(row[3] == 0 and row[4] == "UNKNOWN" and 0 <= now_us - row[5] < 60_000_000 for row in rows)
    assert {json.loads(value)["exchange"] for value in ingester.values(ingester.topic)} == {"ALPHA"}
    letters = ingester.letters()
    assert b'AAPL {"Error Message":"the parameter apikey is invalid: ***"}' in letters
    assert b"AAPL <html>" in letters
    assert b'GONE {"Global Quote": {}}' in letters
    assert "GONE" in {event["symbol"] for event in ingester.events("feed_symbol_expired")}
    assert not [event for event in ingester.events("feed_symbol_returned") if event["symbol"] == "GONE"]
    assert ingester.events("feed_poll_failed")[0]["where"].startswith("127.0.0.1:")


@pytest.mark.thorough
def test_limits_are_kept_and_a_vendor_that_asks_to_wait_is_waited_for(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(vendor: ScriptedVendor, ingester: Ingester) -> None:
        vendor.say("A", TWELVE_DATA_QUOTE % ("A", "1"), status(429, Retry_After="1"), TWELVE_DATA_QUOTE % ("A", "2"))
        vendor.say("B", TWELVE_DATA_QUOTE % ("B", "1"))
        ingester.start()
        await ingester.until(3, 20)
        seconds = [second for _, second in vendor.asked]
        pauses = [after - before for before, after in pairwise(seconds)]
        assert min(pauses) > 0.08  # a tenth of a second by 600 a minute, as far as the loops are punctual
        assert max(pauses) >= 0.95

    ingester = run(
        story, kafka_bootstrap, tmp_path, "http-poll:A,B", path="quote?", POLL_PRICE="/close",
        POLL_TIME="/last_quote_at", POLL_PER_MINUTE="600",
    )  # fmt: skip
    assert {row[5] for row in ingester.rows()} == {1_795_791_540_000_000}
    (limited,) = ingester.events("feed_limited")
    assert (limited["error"], limited["pause_s"]) == ("HTTP 429: too much was asked for", 1.0)
    # A vendor's time names its quote, so another process knows what was sent.
    assert sorted(row[1] for row in ingester.rows()) == [f"1795791540000000-{number}" for number in (1, 1, 2)]


@pytest.mark.thorough
def test_what_is_watched_is_asked_for_often(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(vendor: ScriptedVendor, ingester: Ingester) -> None:
        for symbol in ("NAMED", "MSFT"):
            vendor.say(symbol, TWELVE_DATA_QUOTE % (symbol, "1"))
        with RedisServer(tmp_path) as server:
            redis = open_redis(server.url, 2_000)
            ingester.settings["REDIS_URL"] = server.url
            ingester.start()
            await eventually(lambda: vendor.count("NAMED"))
            for symbol in ("MSFT", "NAMED", "no symbol"):
                asked_s, before = time.monotonic(), vendor.count(symbol)
                await redis.sadd(SUBSCRIBED_SET, symbol)
                await redis.publish(SUBSCRIPTIONS_CHANNEL, json.dumps({"action": "subscribe", "symbols": [symbol]}))
                if symbol != "no symbol":
                    await eventually(lambda: vendor.count(symbol) >= before + 3)  # noqa: B023 - within the turn
                    assert time.monotonic() - asked_s < 2
            await redis.publish(SUBSCRIPTIONS_CHANNEL, '{"action":"unsubscribe","symbols":["MSFT","NAMED"]}')
            asked = await still(lambda: len(vendor.asked))
            assert vendor.count("no symbol") == 0
            assert asked == len(vendor.asked)
            await redis.aclose(close_connection_pool=True)

    run(
        story, kafka_bootstrap, tmp_path, "http-poll:NAMED", "--on-demand", path="quote?", POLL_PRICE="/close",
        POLL_IDLE_MS="60000", FEED_GRACE_MS="100",
    )  # fmt: skip


async def still(count: Callable[[], int]) -> int:
    """``count`` once it hasn't changed for half a second."""
    found, since_s = count(), time.monotonic()
    while time.monotonic() - since_s < 0.5:
        await asyncio.sleep(0.02)
        if count() != found:
            found, since_s = count(), time.monotonic()
    return found
