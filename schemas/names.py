"""Names of topics, keys, streams, channels and tables: the one place where they are spelled.

Readers and writers of Kafka, Redis and ClickHouse take their names from here, so that a rename is one edit. On one
Redis server names are plain (``price:AAPL``). In a Redis Cluster all that a shard's script writes lies in one slot:
names carry the shard as a hash tag there (``price:{3}:AAPL``), and what isn't a shard's keeps its name.
"""

from typing import Final

__all__ = [
    "ALERTS_SENT_KEY",
    "ALERTS_TABLE",
    "ALERTS_VIEW",
    "ALERT_RULES_TOPIC",
    "ALERT_STATES_TABLE",
    "ALERT_STATES_VIEW",
    "ARMED_SUFFIX",
    "BARS_TABLE",
    "BAR_VIEW",
    "CONTROL_CHANNEL",
    "DATABASE",
    "DEAD_LETTER_SUFFIX",
    "EPOCH_KEY",
    "EVENTS_STREAM",
    "EXPOSURE_1M_TABLE",
    "EXPOSURE_1M_VIEW",
    "EXPOSURE_TOPIC",
    "LATE_TRADES_TABLE",
    "LP_1M_TABLE",
    "LP_1M_VIEW",
    "LP_TOPIC",
    "NOWHERE",
    "PRICE_ALERTS_KEY",
    "PRICE_ALERTS_TABLE",
    "PRICE_ALERTS_VIEW",
    "QUOTES_TOPIC",
    "QUOTE_BARS_TABLE",
    "QUOTE_BARS_VIEW",
    "QUOTE_SHARDS_KEY",
    "REPORT_CHUNKS_TABLE",
    "REQUEUED_SUFFIX",
    "ROUTING_1M_TABLE",
    "ROUTING_1M_VIEW",
    "ROUTING_TABLE",
    "ROUTING_TOPIC",
    "ROUTING_VIEW",
    "SHARDS_KEY",
    "SUBSCRIBED_SET",
    "SUBSCRIPTIONS_CHANNEL",
    "SYMBOLS_KEY",
    "TRADES_TABLE",
    "TRADES_TOPIC",
    "TRADES_VIEW",
    "UNDELIVERED_SUFFIX",
    "UPDATES_CHANNEL",
    "WATCHLISTS_CHANNEL",
    "RedisKeys",
    "RedisNames",
    "alert_rules_key",
    "armed_topic",
    "dead_letter_topic",
    "deltas_stream",
    "feed_dead_letter_topic",
    "last_firings_key",
    "leader_key",
    "requeued_topic",
    "sent_key",
    "undelivered_topic",
    "watchlists_key",
]

TRADES_TOPIC: Final = "trades"
QUOTES_TOPIC: Final = "quotes"
ROUTING_TOPIC: Final = "routing-decisions"
LP_TOPIC: Final = "lp-metrics"
EXPOSURE_TOPIC: Final = "exposure"
DEAD_LETTER_SUFFIX: Final = ".dead-letter"
REQUEUED_SUFFIX: Final = ".requeued"
ALERT_RULES_TOPIC: Final = "alert-rules"
ARMED_SUFFIX: Final = ".armed"
UNDELIVERED_SUFFIX: Final = ".undelivered"

DATABASE: Final = "market"
TRADES_TABLE: Final = "trades"
BARS_TABLE: Final = "bars"
LATE_TRADES_TABLE: Final = "late_trades"
ALERTS_TABLE: Final = "alerts"
ALERTS_VIEW: Final = "alerts_unique"
REPORT_CHUNKS_TABLE: Final = "report_chunks"
ROUTING_TABLE: Final = "routing_decisions"
ROUTING_VIEW: Final = "routing_decisions_unique"
ROUTING_1M_TABLE: Final = "routing_1m"
ROUTING_1M_VIEW: Final = "routing_1m_final"
PRICE_ALERTS_TABLE: Final = "price_alerts"
PRICE_ALERTS_VIEW: Final = "price_alerts_unique"
LP_1M_TABLE: Final = "lp_1m"
LP_1M_VIEW: Final = "lp_1m_final"
EXPOSURE_1M_TABLE: Final = "exposure_1m"
EXPOSURE_1M_VIEW: Final = "exposure_1m_final"
ALERT_STATES_TABLE: Final = "alert_states"
ALERT_STATES_VIEW: Final = "alert_states_final"
QUOTE_BARS_TABLE: Final = "quote_bars"
QUOTE_BARS_VIEW: Final = "quote_bars_final"
BAR_VIEW: Final = "bars_final"
TRADES_VIEW: Final = "trades_unique"

EVENTS_STREAM: Final = "md:events"
ALERTS_SENT_KEY: Final = "md:alerts-sent"
EPOCH_KEY: Final = "md:epoch"
SYMBOLS_KEY: Final = "md:symbols"
SHARDS_KEY: Final = "md:shards"
"""Hash, in a Redis Cluster: the shard of each symbol, a colon and the source epoch in which it was the symbol's."""
QUOTE_SHARDS_KEY: Final = "md:quote-shards"
"""Likewise of quotes, whose topic has partitions of its own."""
NOWHERE: Final = 0
"""The shard where a symbol that no map has is looked for, and not found."""
PRICE_ALERTS_KEY: Final = "md:price-alerts"
"""Hash: the last price alert of each shard that stands in the event stream."""
UPDATES_CHANNEL: Final = "market-data:updates"
SUBSCRIPTIONS_CHANNEL: Final = "market-data:subscriptions"
CONTROL_CHANNEL: Final = "market-data:control"
WATCHLISTS_CHANNEL: Final = "market-data:watchlists"
"""Pub/sub: which list of which user was edited, so that gateways read it again for who follows it."""
SUBSCRIBED_SET: Final = "subscribed"


def dead_letter_topic(topic: str) -> str:
    return topic + DEAD_LETTER_SUFFIX


def feed_dead_letter_topic(topic: str) -> str:
    """Topic of what venues sent and ``topic`` can't take."""
    return f"{topic}.feed-dead-letter"


def requeued_topic(dead_letters: str) -> str:
    """Compacted topic of markers: which records that stand in ``dead_letters`` were put back."""
    return dead_letters + REQUEUED_SUFFIX


def armed_topic(rules: str) -> str:
    """Compacted topic of what became of the rules that stand in ``rules``."""
    return rules + ARMED_SUFFIX


def undelivered_topic(rules: str) -> str:
    """Topic of alerts of the rules in ``rules`` that a webhook didn't take."""
    return rules + UNDELIVERED_SUFFIX


def alert_rules_key(user: str) -> str:
    """Hash of a user's rules, by id."""
    return "md:alert-rules:" + user


def last_firings_key(user: str) -> str:
    """Hash of the last firing of each of a user's rules, by id."""
    return "md:alert-firings:" + user


def leader_key(flow: str) -> str:
    """Lease of the process that runs ``flow``, where others stand by."""
    return "md:leader:" + flow


def deltas_stream(shard: int) -> str:
    """Fan-out stream of one shard; a shard is a Kafka partition of the trades topic."""
    return f"md:deltas:{shard}"


def sent_key(topic: str, partition: int) -> str:
    """Where the order of the last entry is kept that a partition of a topic brought into the channels."""
    return f"md:channel-order:{topic}:{partition}"


def watchlists_key(user_id: str) -> str:
    """Hash of a user's watchlists, a list per field."""
    return "gateway:watchlists:" + user_id


class RedisKeys:
    """Spells keys of symbols. In a Redis Cluster, ``shard``: the partition of their trades; ``quotes``: of their
    quotes, where that may be another. None on one server."""

    def __init__(self, shard: int | None = None, quotes: int | None = None) -> None:
        self.tag = "" if shard is None else f"{{{shard}}}:"
        self._quotes_tag = self.tag if quotes is None else f"{{{quotes}}}:"

    def symbol(self, symbol: str) -> str:
        return f"symbol:{self.tag}{symbol}"

    def symbol_of(self, key: str) -> str:
        """The symbol whose ``symbol`` key it is."""
        return key.removeprefix(self.symbol(""))

    def price(self, symbol: str) -> str:
        return f"price:{self.tag}{symbol}"

    def quote(self, symbol: str) -> str:
        return f"md:quote:{self._quotes_tag}{symbol}"

    def candle(self, symbol: str, interval: str) -> str:
        return f"candle:{self.tag}{symbol}:{interval}"

    def candles(self, symbol: str, interval: str) -> str:
        return f"candles:{self.tag}{symbol}:{interval}"


class RedisNames:
    """Spells what is a shard's. ``clustered``: for a Redis Cluster."""

    def __init__(self, *, clustered: bool = False) -> None:
        self.clustered = clustered

    def keys(self, shard: int, quotes: int | None = None) -> RedisKeys:
        return RedisKeys(shard, quotes) if self.clustered else RedisKeys()

    def deltas(self, shard: int) -> str:
        return f"md:deltas:{{{shard}}}" if self.clustered else deltas_stream(shard)

    def epoch(self, shard: int) -> str:
        return f"{EPOCH_KEY}:{{{shard}}}" if self.clustered else EPOCH_KEY

    def symbols(self, shard: int) -> str:
        return f"{SYMBOLS_KEY}:{{{shard}}}" if self.clustered else SYMBOLS_KEY

    def quotes(self, shard: int) -> str:
        """Fan-out stream of best bids and asks; a shard is a Kafka partition of the quotes topic."""
        return f"md:quotes:{{{shard}}}" if self.clustered else f"md:quotes:{shard}"

    def quotes_filled(self, shard: int) -> str:
        """There as long as this Redis holds what a shard of the quotes topic has published."""
        return f"md:quotes-filled:{{{shard}}}" if self.clustered else f"md:quotes-filled:{shard}"

    def beside(self, key: str, name: str) -> str:
        """``name`` of a key, or of several that begin so, which scripts touch together with ``key``: in a cluster it
        has the slot of that, by a hash tag."""
        return f"{name}:{{{key}}}" if self.clustered else name
