"""Reading over HTTP: digits, splices, pages, figures; against real Redis and ClickHouse."""

import gzip
import random
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from urllib.parse import quote

import pytest

from tests.integration.gateway.rest_server import MINUTE_MS, NOW_MS, OPEN_MS, Market, RestServer, bar_json

DIGITS = "123456789012345678.0123456789"


def starts(bars: list[dict]) -> list[int]:
    return [int(bar["time"]) for bar in bars]


def test_bars_splice_history_recent_and_live_without_hole_or_double(rest: RestServer, market: Market) -> None:
    """History is ten bars late; Redis holds the last thirty, one of them revised, and the live bar."""
    symbol, count = "S/PLICE", 200
    every = [OPEN_MS - MINUTE_MS * back for back in range(count, 0, -1)]
    sequences = list(range(1000, 1000 + count))
    market.add_bars(symbol, every[:-10], sequences[:-10])
    for start, sequence in list(zip(every, sequences, strict=True))[-30:]:
        market.redis.zadd(f"candles:{symbol}:1m", {bar_json(symbol, start, sequence): start})
    revised = every[-20]
    market.redis.zremrangebyscore(f"candles:{symbol}:1m", revised, revised)
    text = bar_json(symbol, revised, 5000, revision=1, tradeCount=4)
    market.redis.zadd(f"candles:{symbol}:1m", {text: revised})
    market.redis.set(f"candle:{symbol}:1m", bar_json(symbol, OPEN_MS, 5001, final=False))
    answer = rest.get(f"/api/ohlc/{quote(symbol, safe='')}?timeframe=1m&limit=150")
    bars = answer.json()
    assert starts(bars) == [OPEN_MS - MINUTE_MS * back for back in range(150)]
    assert [bar["final"] for bar in bars[:2]] == [False, True]
    by_start = {int(bar["time"]): bar for bar in bars}
    assert (by_start[revised]["revision"], by_start[revised]["tradeCount"]) == (1, 4)
    assert answer.headers["x-sequence"] == "5001"
    assert f'"volume":{DIGITS},"quoteVolume":703.00000000000000000001,'.encode() in answer.body
    # A bar closes and the next begins: the cached history stays, the answer moves on.
    market.redis.zadd(f"candles:{symbol}:1m", {bar_json(symbol, OPEN_MS, 5002): OPEN_MS})
    market.redis.set(f"candle:{symbol}:1m", bar_json(symbol, OPEN_MS + MINUTE_MS, 5003, final=False))
    again = rest.get(f"/api/ohlc/{quote(symbol, safe='')}?timeframe=1m&limit=150")
    assert again.headers["x-cache"] == "HIT"
    assert starts(again.json()) == [OPEN_MS + MINUTE_MS - MINUTE_MS * back for back in range(150)]
    assert [bar["final"] for bar in again.json()[:2]] == [False, True]


def test_bars_by_time_range_and_sparse_history(rest: RestServer, market: Market) -> None:
    """Bars a year apart are found though no window near the end holds them."""
    sparse = [OPEN_MS - MINUTE_MS * back for back in (1, 600_000, 1_200_000)]
    market.add_bars("SPARSE", sparse, [3, 2, 1])
    assert starts(rest.get("/api/ohlc/SPARSE?limit=10").json()) == sparse
    assert starts(rest.get(f"/api/ohlc/SPARSE?limit=10&startTime={sparse[1]}&endTime={sparse[0] - 1}").json()) == [
        sparse[1]
    ]
    assert starts(rest.get("/api/ohlc/SPARSE?limit=1").json()) == sparse[:1]
    market.add_symbol("QUIET")
    assert rest.get("/api/ohlc/QUIET").json() == []


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "1h", "4h", "1D", "1W", "1d", "1w"])
def test_all_intervals(rest: RestServer, market: Market, timeframe: str) -> None:
    market.add_symbol("INTERVALS")
    assert rest.get(f"/api/ohlc/INTERVALS?timeframe={timeframe}").status == 200


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("timeframe=10m", "Invalid interval: 10m. Valid: 1m, 5m, 15m, 1h, 4h, 1D, 1W"),
        ("limit=0", ">= 1"),
        ("limit=1001", "<= 1000"),
        ("limit=ten", "Expected `int`"),
        ("limit=5&limit=6", "twice"),
        ("startTime=2&endTime=1", "after"),
        ("startTime=-1", ">= 0"),
        ("startTime=1705600000", "1705600000 looks like seconds: 1705600000000 would be right"),
        ("endTime=1705600000000000", "looks like microseconds: 1705600000000 would be right"),
        ("order=up", "up"),
        ("depth=3", "Unknown"),
        ("limit=%FF", "can't be read"),
    ],
)
def test_queries_are_checked(rest: RestServer, query: str, words: str) -> None:
    answer = rest.get(f"/api/ohlc/SPARSE?{query}")
    found = answer.json()
    assert (answer.status, found["error"]) == (400, "BAD_REQUEST")
    assert words in found["message"]
    assert found["details"]
    assert found["requestId"] == answer.headers["x-request-id"]
    assert abs(int(found["timestamp"]) - NOW_MS) < 3_600_000


def test_bars_oldest_first_are_the_newest_or_the_first_of_a_range(rest: RestServer, market: Market) -> None:
    """History is five bars late; Redis holds the last twenty, one of them revised, and the live bar."""
    symbol, count = "ASC", 300
    every = [OPEN_MS - MINUTE_MS * back for back in range(count, 0, -1)]
    market.add_bars(symbol, every[:-5], list(range(1000, 995 + count)))
    for number, start in list(enumerate(every))[-20:]:
        market.redis.zadd(f"candles:{symbol}:1m", {bar_json(symbol, start, 1000 + number): start})
    revised = every[-10]
    market.redis.zremrangebyscore(f"candles:{symbol}:1m", revised, revised)
    market.redis.zadd(f"candles:{symbol}:1m", {bar_json(symbol, revised, 5000, revision=1): revised})
    market.redis.set(f"candle:{symbol}:1m", bar_json(symbol, OPEN_MS, 5001, final=False))
    every.append(OPEN_MS)

    def ask(query: str) -> list[dict]:
        return rest.get(f"/api/ohlc/{symbol}?{query}").json()

    assert ask("order=asc&limit=50") == ask("limit=50")[::-1]
    assert starts(ask("order=asc&limit=50")) == every[-50:]
    assert starts(ask("order=asc&limit=50&startTime=0")) == every[:50]
    tail = ask(f"order=asc&limit=50&startTime={every[-30]}")
    assert starts(tail) == every[-30:], "what history lacks comes from Redis"
    assert [int(bar["revision"]) for bar in tail if bar["time"] == revised] == [1]
    for _ in range(2):  # the second answer is from the cache
        page = ask(f"order=asc&limit=3&startTime={every[-13]}")
        assert [(int(bar["time"]), int(bar["revision"])) for bar in page] == [
            (every[-13], 0), (every[-12], 0), (revised, 1),
        ]  # fmt: skip
    walked, since = [], every[0]
    while page := ask(f"order=asc&limit=70&startTime={since}"):
        walked += starts(page)
        since = walked[-1] + 1
    assert walked == every
    limited = ask(f"order=asc&limit=10&startTime={every[5]}&endTime={every[8]}")
    assert starts(limited) == every[5:9]


def test_trades_oldest_first_page_forward_from_a_start(rest: RestServer, market: Market) -> None:
    base_us = (NOW_MS - 3_600_000) * 1000
    trades = [
        {"time_us": base_us + number // 3 * 1_000_000, "price": Decimal(1), "size": Decimal(1), "offset": number}
        for number in range(250)
    ]
    market.add_trades("FORWARD", trades)
    numbers = list(range(250))

    def pages(query: str) -> list[list[int]]:
        found, path = [], f"/api/trades/FORWARD?limit=100&{query}"
        while path:
            answer = rest.get(path)
            found.append([int(each["sequence"]) for each in answer.json()])
            path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
        return found

    assert pages(f"order=asc&startTime={base_us // 1000}") == [numbers[:100], numbers[100:200], numbers[200:]]
    assert pages("order=asc") == [numbers[150:], numbers[50:150], numbers[:50]]
    assert pages("order=desc") == [numbers[:149:-1], numbers[149:49:-1], numbers[49::-1]]
    asked = f"order=asc&startTime={base_us // 1000}&limit=10&offset=20"
    assert [int(each["sequence"]) for each in rest.get(f"/api/trades/FORWARD?{asked}").json()] == numbers[20:30]


def test_trades_page_by_cursor_though_new_ones_arrive(rest: RestServer, market: Market) -> None:
    random.seed(3)
    base_us = (NOW_MS - 3_600_000) * 1000
    trades = [
        {
            "time_us": base_us + random.randrange(50) * 10_000_000,
            "price": Decimal(1),
            "size": Decimal("0.0000000001"),
            "offset": number,
        }
        for number in range(250)
    ]
    market.add_trades("PAGED", trades)
    expected = [each["offset"] for each in sorted(trades, key=lambda each: (-each["time_us"], -each["offset"]))]
    seen, path = [], "/api/trades/PAGED?limit=100"
    while path:
        answer = rest.get(path)
        seen += [int(each["sequence"]) for each in answer.json()]
        cursor = answer.headers.get("x-next-cursor")
        if len(seen) == 100:
            market.add_trades("PAGED", [{**trades[0], "time_us": NOW_MS * 1000, "offset": 9999}])
            assert cursor in answer.headers["link"]
        path = f"/api/trades/PAGED?limit=100&cursor={cursor}" if cursor else ""
    assert seen == expected
    by_offset = rest.get(f"/api/trades/PAGED?limit=10&offset=20&endTime={(base_us + 10**9) // 1000}").json()
    assert [int(each["sequence"]) for each in by_offset] == expected[20:30]
    assert by_offset[0].keys() >= {"symbol", "price", "volume", "side", "timestamp", "sequence"}
    refused = rest.get("/api/trades/PAGED?cursor=nonsense")
    assert (refused.status, refused.json()["details"]) == (400, {"parameter": "cursor"})


FORMS = ("{}", "000{}", " {}", "{}.0")
"""Ways in which one number stands in an id."""


def test_figures_equal_those_of_decimal(rest: RestServer, market: Market) -> None:
    random.seed(5)
    inside = [
        {
            "time_us": (NOW_MS - 1_800_000) * 1000 + random.randrange(100) * 1_000_000,
            "price": Decimal(random.randrange(1, 10**14)).scaleb(-10),
            "size": Decimal(random.randrange(0, 10**18)).scaleb(-10),
            "trade_id": random.choice(FORMS).format(random.randrange(10 ** random.randrange(1, 30))),
            "offset": number,
        }
        for number in range(500)
    ]
    outside = {**inside[0], "time_us": (NOW_MS - 4_000_000) * 1000, "price": Decimal(10**12), "offset": 1000}
    market.add_trades("FIGURES", [*inside, outside])
    market.add_trades("FIGURES", inside[:100])  # written twice, counted once
    found = rest.get("/api/stats/FIGURES?period=1h").json()
    ordered = sorted(inside, key=lambda each: (each["time_us"], int(Decimal(each["trade_id"].strip())), each["offset"]))
    prices, sizes = [each["price"] for each in inside], [each["size"] for each in inside]
    with localcontext() as context:
        context.prec = 200
        scale = Decimal("1e-10")
        vwap = sum(p * s for p, s in zip(prices, sizes, strict=True)) / sum(sizes)
        mean = sum(prices) / 500
        deviation = (sum((each - mean) ** 2 for each in prices) / 500).sqrt()
        assert found["avgPrice"] == vwap.quantize(scale, ROUND_HALF_EVEN)
        assert found["volatility"] == deviation.quantize(scale, ROUND_HALF_UP)
        assert found["volume"] == sum(sizes)
    assert (found["open"], found["close"]) == (ordered[0]["price"], ordered[-1]["price"])
    assert (found["high"], found["low"]) == (max(prices), min(prices))
    assert (found["tickCount"], found["trades"]) == (500, sum(size > 0 for size in sizes))
    assert rest.get("/api/stats/FIGURES?period=all").json()["tickCount"] == 501
    market.add_symbol("SILENT")
    empty = rest.get("/api/stats/SILENT?period=ytd").json()
    assert (empty["open"], empty["volume"], empty["tickCount"], empty["avgPrice"]) == (None, 0, 0, None)


def test_conditional_compressed_and_head(rest: RestServer, market: Market) -> None:
    market.add_bars("TAGGED", [OPEN_MS - MINUTE_MS * back for back in range(1, 100)], list(range(99, 0, -1)))
    plain = rest.get("/api/ohlc/TAGGED")
    packed = rest.get("/api/ohlc/TAGGED", accept_encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] == plain.headers["etag"]
    same = rest.get("/api/ohlc/TAGGED", if_none_match=f'"x", {plain.headers["etag"]}')
    assert (same.status, same.body) == (304, b"")
    assert rest.get("/api/ohlc/TAGGED", if_none_match='W/"other"').status == 200
    head = rest.ask("HEAD", "/api/ohlc/TAGGED")
    assert (head.status, head.body) == (200, b"")
