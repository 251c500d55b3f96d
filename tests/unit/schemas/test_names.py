"""Names are spelled once, apart from each other, and read back to what they are of."""

from schemas import names
from schemas.names import (
    RedisKeys,
    RedisNames,
    alert_rules_key,
    armed_topic,
    dead_letter_topic,
    deltas_stream,
    feed_dead_letter_topic,
    last_firings_key,
    leader_key,
    requeued_topic,
    sent_key,
    undelivered_topic,
    watchlists_key,
)


def test_topics_beside_a_topic_are_known_by_their_ends() -> None:
    assert dead_letter_topic("trades") == "trades.dead-letter"
    assert requeued_topic(dead_letter_topic("trades")) == "trades.dead-letter.requeued"
    assert feed_dead_letter_topic("trades") == "trades.feed-dead-letter"


def test_rules_have_topics_beside_theirs_and_keys_by_user() -> None:
    assert (armed_topic("rules"), undelivered_topic("rules")) == ("rules.armed", "rules.undelivered")
    assert (alert_rules_key("anna"), last_firings_key("anna")) == ("md:alert-rules:anna", "md:alert-firings:anna")


def test_each_flow_that_leads_has_a_lease() -> None:
    assert leader_key("live") == "md:leader:live"


def test_each_shard_has_a_stream() -> None:
    assert watchlists_key("u1") == "gateway:watchlists:u1"
    assert [deltas_stream(shard) for shard in (0, 12)] == ["md:deltas:0", "md:deltas:12"]


def test_each_shard_of_quotes_has_a_stream_and_a_mark_and_each_symbol_a_key() -> None:
    names = RedisNames()
    assert (names.quotes(3), names.quotes_filled(3)) == ("md:quotes:3", "md:quotes-filled:3")
    assert RedisKeys().quote("BTC/USDT") == "md:quote:BTC/USDT"


def test_each_partition_of_a_topic_keeps_what_it_sent() -> None:
    assert sent_key("routing-decisions", 3) == "md:channel-order:routing-decisions:3"


def test_the_keys_of_a_symbol() -> None:
    keys = RedisKeys()
    assert keys.price("AAPL") == "price:AAPL"
    assert keys.candle("AAPL", "1m") == "candle:AAPL:1m"
    assert keys.candles("AAPL", "1m") == "candles:AAPL:1m"


def test_a_symbol_is_read_back_from_its_key_whatever_it_is_called() -> None:
    keys = RedisKeys()
    for symbol in ("AAPL", "symbol:X", "a:b", ":"):
        assert keys.symbol_of(keys.symbol(symbol)) == symbol


def test_no_two_names_are_one() -> None:
    keys = [value for name, value in vars(names).items() if name.endswith(("_KEY", "_STREAM", "_CHANNEL", "_SET"))]
    tables = [value for name, value in vars(names).items() if name.endswith(("_TABLE", "_VIEW"))]
    assert len(set(keys)) == len(keys)
    assert len(set(tables)) == len(tables)


def test_what_a_script_touches_beside_a_key_has_its_slot_in_a_cluster() -> None:
    assert RedisNames().beside("events", "sent") == "sent"
    assert RedisNames(clustered=True).beside("events", "sent") == "sent:{events}"


def test_in_a_cluster_all_of_a_shard_has_its_number_as_hash_tag_and_plain_names_are_without() -> None:
    plain, clustered = RedisNames(), RedisNames(clustered=True)
    assert (plain.deltas(3), plain.epoch(3), plain.symbols(3)) == ("md:deltas:3", "md:epoch", "md:symbols")
    assert plain.keys(3).price("AAPL") == RedisKeys().price("AAPL")
    keys = clustered.keys(3)
    of_shard = [clustered.deltas(3), clustered.epoch(3), clustered.symbols(3), keys.symbol("A"), keys.price("A")]
    of_shard += [keys.quote("A"), keys.candle("A", "1m"), keys.candles("A", "1m")]
    assert [name for name in of_shard if "{3}" not in name] == []
    assert (keys.price("{4}"), keys.symbol_of(keys.symbol("{4}"))) == ("price:{3}:{4}", "{4}")
