"""What tests of the Redis sink share: an update, and what a client reads of it."""

import msgspec
import redis

from schemas.columns import BarBatch, TickerBatch
from schemas.names import deltas_stream
from sinks.redis.sink import LiveUpdate
from tests.client_messages import BarMessage, Delta, Message, Snapshot, apply, decode_batch, decode_message
from tests.unit.sinks.rows import bars, tickers


def update(
    new: TickerBatch | None = None, live: BarBatch | None = None, final: BarBatch | None = None, shard: int = 0
) -> LiveUpdate:
    return LiveUpdate(shard, new or tickers(), live or bars(), final or bars())


def entries(client: redis.Redis, shard: int = 0) -> list[list[Message]]:
    return [decode_batch(fields[b"batch"]) for _, fields in client.xrange(deltas_stream(shard))]


def moved(client: redis.Redis, shard: int = 0) -> list[dict[str, list[str]]]:
    return [msgspec.json.decode(fields[b"moved"]) for _, fields in client.xrange(deltas_stream(shard))]


def bar_at(client: redis.Redis, key: str) -> BarMessage:
    message = decode_message(client.get(key))
    assert isinstance(message, BarMessage)
    return message


def check_stream(client: redis.Redis, shard: int = 0) -> dict[str, Snapshot]:
    """Follow the stream as a client would: every delta applies to what was said before; price:S is where it ends."""
    states: dict[str, Snapshot] = {}
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for _, fields in client.xrange(deltas_stream(shard)):
        batch = decode_batch(fields[b"batch"])
        assert int(fields[b"n"]) == len(batch)
        assert batch or fields[b"moved"] != b"{}"
        for message in batch:
            if isinstance(message, BarMessage):
                if not message.final:
                    key = message.symbol, message.interval
                    assert (message.time, message.sequence) > newest.get(key, (-1, -1))
                    newest[key] = message.time, message.sequence
                continue
            known = states.get(message.symbol)
            assert known is None or message.sequence > known.sequence
            if isinstance(message, Delta):
                assert known is not None
                states[message.symbol] = apply(known, message)
            else:
                states[message.symbol] = message
    for symbol, state in states.items():
        assert decode_message(client.get(f"price:{symbol}")) == state
    return states
