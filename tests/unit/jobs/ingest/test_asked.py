"""What is asked for on the command line."""

from pathlib import Path

import pytest

from jobs.ingest.asked import Wanted, asked_of, venue_named
from schemas.errors import SettingError


def test_symbols_by_venue_each_once() -> None:
    words = ["bitget:btc/usdt,ETH/USDT", "binance:BTC/USDT", "BITGET: ETH/USDT,A1/USDT"]
    assert asked_of(words) == {"bitget": ("BTC/USDT", "ETH/USDT", "A1/USDT"), "binance": ("BTC/USDT",)}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("bitget", "can't read 'bitget' (ingest): say VENUE:SYMBOL,SYMBOL"),
        ("bitget:,", "can't read 'bitget:,'"),
        ("http-poll:A B", "'A B' is no symbol (http-poll:A B): say it as the vendor does, such as AAPL"),
        ("bitget:@nowhere.txt", "symbols can't be read: No such file or directory (nowhere.txt): give a file of"),
        ("nyse:A/B", "unknown venue nyse (ingest): take one of bitget, binance"),
        ("bitget:BTCUSDT", "BTCUSDT is no symbol such as BTC/USDT (bitget:BTCUSDT): symbols are"),
        ("binance:BTC/USDT-PERP", "see binance-futures"),
        ("kraken:BTC/USD-PERP", "no market of Kraken's spot"),
    ],
)
def test_what_cannot_be_meant_is_one_line(word: str, said: str) -> None:
    with pytest.raises(SettingError) as refused:
        asked_of([word])
    assert said in str(refused.value)


def test_a_venue_by_its_name() -> None:
    assert venue_named("okx", "x").exchange == "OKX"


def test_symbols_of_a_file_and_where_a_wrong_one_stands(tmp_path: Path) -> None:
    file = tmp_path / "markets.txt"
    file.write_text("\ufeff# ours\nbtc/usdt, ETH/USDT  A1/USDT\n\nBTC/USDT # again\n", "utf-8")
    assert asked_of([f"bitget:@{file}"]) == {"bitget": ("BTC/USDT", "ETH/USDT", "A1/USDT")}
    file.write_text("BTC/USDT\nETHUSDT\n")
    with pytest.raises(SettingError, match=f"ETHUSDT is no symbol such as BTC/USDT .{file}:2.: symbols are"):
        asked_of([f"bitget:@{file}"])
    for wrong in (b"\xff\xfe\x00", b"# none\n"):
        file.write_bytes(wrong)
        with pytest.raises(SettingError, match=r"can't (be )?read"):
            asked_of([f"bitget:@{file}"])


def test_a_venue_alone_where_its_markets_are_found() -> None:
    assert asked_of(["bitget", "okx:BTC/USDT"], venues_alone=True) == {"bitget": (), "okx": ("BTC/USDT",)}
    with pytest.raises(SettingError, match="can't read 'bitget:'"):
        asked_of(["bitget:"], venues_alone=True)


def test_what_is_open_may_have_more() -> None:
    assert not Wanted({}, quotes=True).is_open
    assert Wanted({}, quotes=True, all_usdt=True).is_open
    assert Wanted({}, quotes=True, demand_from="redis://a").is_open
