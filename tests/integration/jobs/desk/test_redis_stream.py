"""The stream of events is read back in order, entry by entry, and each proof gets its own."""

import json

from redis import Redis

from jobs.desk.redis_stream import holds_all, read_sent_alerts, read_sent_firings


def test_the_stream_is_read_in_order_and_only_what_begins_so(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        for number in range(1_500):
            kind = ("price_alert", "alert", "alert")[number % 3]
            data = {"id": f"{'lp' if number % 2 else 'exposure'}:{number}", "state": "open"}
            redis.xadd("md:events", {"type": kind, "data": json.dumps(data)})
        found, firings, is_whole = read_sent_alerts(redis, "lp:"), read_sent_firings(redis), holds_all(redis)
        redis.flushdb()
    assert found == [(f"lp:{number}", "open") for number in range(1_500) if number % 3 and number % 2]
    assert firings == [f"{'lp' if number % 2 else 'exposure'}:{number}" for number in range(0, 1_500, 3)]
    assert is_whole
