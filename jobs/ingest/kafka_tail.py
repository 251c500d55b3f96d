"""What the end of the topic says of a venue's trades, so that an ingester goes on where it, or another one, stopped.

The command reads it before it opens sessions. Every trade of the tail is known by its id and isn't sent again, and the
last one of a market is where its gap begins. So after a crash the topic holds each trade at least once, and twice only
what a dead process had still under way. A symbol of another series (feeds.series) is another market.
"""

from collections import Counter
from typing import Final

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.range import ranges_between, read_range
from feeds.frame import EMPTY
from feeds.marks import mark_of
from feeds.recording import Frame
from feeds.rows import Trade
from feeds.series import series_of
from flows.reading import decoder_of
from jobs.ingest.markets import Markets
from runtime.settings.whole import Settings

__all__ = ["TAIL_MAX", "remember_tail"]

NO_FRAME: Final = Frame(0, b"")
TAIL_MAX: Final = 50_000
"""Records of a partition. A market that has none among them begins anew, as if it had never been ingested."""


def remember_tail(settings: Settings, markets: dict[str, Markets]) -> Counter[str]:
    """Tell ``markets``, by exchange, of the trades in the topic's tail; the number of each. Raises as reading does."""
    options = KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap, topic=settings.kafka_topic, properties=settings.kafka_properties
    )
    ranges = ranges_between(options, Position.parse("earliest"), Position.parse("latest"))
    with TopicQuestions(options) as questions:
        lows = questions.watermarks(ranges)
    tails = {
        partition: (max(lows[partition][0], start, end - TAIL_MAX), end)
        for partition, (start, end) in ranges.items()
        if end > max(lows[partition][0], start)
    }
    series = {exchange: series_of(settings.feed_series, exchange) for exchange in markets}
    decoder, found = decoder_of(settings), Counter[str]()
    for raw in read_range(options, tails):
        batch = decoder.decode(raw)
        text, rows = batch.text, batch.rows
        for row in rows:
            exchange = _text(text, int(row["exchange_at"]), int(row["exchange_len"]))
            if exchange not in markets:
                continue
            symbol = series[exchange].market(_text(text, int(row["symbol_at"]), int(row["symbol_len"])))
            if symbol is None:
                continue
            trade_id = _text(text, int(row["trade_id_at"]), int(row["trade_id_len"]))
            trade = Trade(symbol, symbol, EMPTY, EMPTY, "UNKNOWN", trade_id, int(row["event_time_us"]))
            mark = markets[exchange].mark(symbol)
            # One that lacked and went out late says nothing of where its market stands.
            is_late = mark is not None and mark_of(trade).time_us < mark.time_us
            (markets[exchange].mend if is_late else markets[exchange].add)([(trade, NO_FRAME)])
            found[exchange] += 1
    return found


def _text(text: bytes, at: int, length: int) -> str:
    return text[at : at + length].decode("utf-8", "replace")
