"""Venues by name and by address."""

import pytest

from feeds.venues import VENUES, venue_at


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("wss://stream.binance.com:9443/stream?streams=a@trade", "binance"),
        ("wss://fstream.binance.com/stream", "binance-futures"),
        ("wss://ws.bitget.com/v2/ws/public", "bitget"),
        ("wss://ws-feed.exchange.coinbase.com", "coinbase"),
        ("wss://ws.kraken.com/v2", "kraken"),
        ("wss://ws.okx.com:8443/ws/v5/public", "okx"),
        ("wss://stream.bybit.com/v5/public/spot", "bybit"),
        ("wss://stream.bybit.com/v5/public/linear", "bybit-linear"),
        ("wss://stream.bybit.com/realtime", "bybit-inverse"),
    ],
)
def test_an_address_tells_its_venue(address: str, name: str) -> None:
    assert venue_at(address) is VENUES[name]


def test_a_strangers_address_is_none() -> None:
    assert venue_at("wss://example.org") is None


def test_each_venue_has_its_own_name_on_trades() -> None:
    assert len({venue.exchange for venue in VENUES.values()}) == len(VENUES)
