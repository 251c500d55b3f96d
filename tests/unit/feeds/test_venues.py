"""Venues by name and by address."""

import msgspec
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


LISTS = {
    "bitget": (
        "/api/v2/spot/public/symbols",
        '{"code":"00000","msg":"success","data":[%s]}',
        '{"symbol":"%s","baseCoin":"","quotePrecision":"8","status":"%s"}',
        "BTCUSDT",
        "online",
        "offline",
    ),
    "binance": (
        "/api/v3/exchangeInfo",
        '{"timezone":"UTC","rateLimits":[],"symbols":[%s]}',
        '{"symbol":"%s","status":"%s","filters":[]}',
        "BTCUSDT",
        "TRADING",
        "BREAK",
    ),
    "binance-futures": (
        "/fapi/v1/exchangeInfo",
        '{"symbols":[%s]}',
        '{"symbol":"%s","status":"%s","contractType":"PERPETUAL"}',
        "BTCUSDT",
        "TRADING",
        "SETTLING",
    ),
    "kraken": (
        "/0/public/AssetPairs",
        '{"error":[],"result":{%s}}',
        '"X%s":{"wsname":"XBT/USDT","status":"%s"}',
        "1",
        "online",
        "cancel_only",
    ),
    "coinbase": (
        "/products",
        "[%s]",
        '{"id":"%s","status":"%s","trading_disabled":false}',
        "BTC-USDT",
        "online",
        "delisted",
    ),
    "okx": (
        "/api/v5/public/instruments",
        '{"code":"0","msg":"","data":[%s]}',
        '{"instType":"SPOT","instId":"%s","state":"%s"}',
        "BTC-USDT",
        "live",
        "suspend",
    ),
    "bybit": (
        "/v5/market/instruments-info",
        '{"retCode":0,"retMsg":"OK","result":{"list":[%s]}}',
        '{"symbol":"%s","status":"%s"}',
        "BTCUSDT",
        "Trading",
        "PreLaunch",
    ),
    "bybit-linear": (
        "/v5/market/instruments-info",
        '{"retCode":0,"result":{"list":[%s]}}',
        '{"symbol":"%s","status":"%s","contractType":"LinearPerpetual"}',
        "BTCUSDT",
        "Trading",
        "Closed",
    ),
    "bybit-inverse": (
        "/v5/market/instruments-info",
        '{"retCode":0,"result":{"list":[%s]}}',
        '{"symbol":"%s","status":"%s","contractType":"InversePerpetual"}',
        "BTCUSD",
        "Trading",
        "Closed",
    ),
}
"""Path, list, a row of it, the venue's name of BTC, the word of a market that is traded, and of one that isn't."""
REFUSED = {"bitget": '{"code":"40034","msg":"no"}', "kraken": '{"error":["EService:Busy"]}', "okx": '{"code":"50011"}'}


@pytest.mark.parametrize("name", VENUES)
def test_the_list_of_markets_has_those_that_are_traded_by_the_names_of_their_trades(name: str) -> None:
    venue = VENUES[name]
    path, whole, row, market, traded, ended = LISTS[name]
    assert path in venue.listing
    wanted = {"bybit-inverse": "BTC/USD-PERP", "binance-futures": "BTC/USDT-PERP", "bybit-linear": "BTC/USDT-PERP"}
    rows = [row % (market, traded), row % (market + "X", ended), row % ("\u5e01" + market, ended)]
    assert venue.listed((whole % ",".join(rows)).encode()) == [wanted.get(name, "BTC/USDT")]
    for refused in ("<html>", '"busy"', REFUSED.get(name, '{"retCode":10006}')):
        with pytest.raises((ValueError, msgspec.DecodeError)):
            venue.listed(refused.encode())


def test_a_market_whose_name_is_no_symbol_and_a_dated_one_are_left_out() -> None:
    body = '{"symbols":[{"symbol":"\u5e01USDT","status":"TRADING"},{"symbol":"ETHUSDT","status":"TRADING"}]}'
    assert VENUES["binance"].listed(body.encode()) == ["ETH/USDT"]
    body = '{"symbols":[{"symbol":"BTCUSDT_260327","status":"TRADING","contractType":"CURRENT_QUARTER"}]}'
    assert VENUES["binance-futures"].listed(body.encode()) == []
