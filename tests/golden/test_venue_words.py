"""Small files as venues and tools write them, and what ``tapeflow bars`` makes of each: bars, account, what it says."""

import io
from pathlib import Path

import polars as pl
import pytest

from tapeflow.cli import main

OURS = "event_time_us,symbol,price,size,side,trade_id,exchange"
T0 = 1_714_521_600_000_000
SYMBOLS = ("$TRUMP", "ES=F", "M&M", "^SPX", "币安人生USDT")
MAKER = {"SIDE_OF": "maker"}
LOBSTER = {"TIME_ORIGIN": "2012-06-21T00:00:00-04:00", "PRICE_SCALE": "4", "SIDE_MAP": '{"1": "SELL", "-1": "BUY"}'}

CASES: dict[str, tuple[str, dict[str, str], list[str], list[tuple[str, ...]], str]] = {
    # name: (file, settings, options, (symbol, open, close, volume, buy_volume) of each bar, what is said)
    "quotes that say nothing": (
        f"{OURS},bid,ask\n{T0},A,1.5,2,BUY,1,x,NaN,NaN\n{T0 + 1},A,1.4,3,SELL,NaN,\\N,,null\n",
        {}, [], [("A", "1.5", "1.4", "5", "2")], "2 applied",
    ),
    "sides of many words": (
        f"{OURS}\n{T0},S0,1,1,1,,\n{T0},S1,1,1,true,,\n{T0},S2,1,1,A,,\n{T0},S3,1,1,Buy ,,\n{T0},S4,1,1,N,,\n",
        {}, [],
        [("S0", "1", "1", "1", "0"), ("S1", "1", "1", "1", "0"), ("S2", "1", "1", "1", "0"), ("S3", "1", "1", "1", "1"),
         ("S4", "1", "1", "1", "0")],
        "sides that nobody knows: '1' 1, 'true' 1",
    ),
    "sides by a map": (
        f"{OURS}\n{T0},A,1,1,1,1,x\n{T0},B,1,1,-1.0,1,x\n", {"SIDE_MAP": '{"1": "BUY", "-1": "SELL"}'}, [],
        [("A", "1", "1", "1", "1"), ("B", "1", "1", "1", "0")], "2 applied",
    ),
    "the buyer is the maker": (
        f"{OURS}\n{T0},A,1,1,False,1,x\n{T0},A,1,2,True,2,x\n", MAKER, [], [("A", "1", "1", "3", "1")], "2 applied",
    ),
    "sells with a minus": (
        f"{OURS}\n{T0},A,9,-1.5,,10,x\n{T0},A,9,2,,11,x\n", {"SIGNED_SIZE": "true"}, [],
        [("A", "9", "9", "3.5", "2")], "2 applied",
    ),
    "sells with a minus, not said": (f"{OURS}\n{T0},A,9,-1.5,,10,x\n", {}, [], [], "1 rejected"),
    "a day of a spreadsheet": (
        f"{OURS}\n45413.0000,A,1.5,2,BUY,1,x\n{T0},A,1.4,3,SELL,2,x\n", {}, [], [("A", "1.4", "1.4", "3", "0")],
        "1 rejected",
    ),
    "days as numbers, by auto": (
        "event_time,symbol,price,size\n19844,A,1,1\n20240501,A,1,1\n34200.5,A,1,1\n", {}, [], [], "3 rejected",
    ),
    "1970 in a named unit": (f"{OURS}\n0,A,1,1,BUY,1,x\n", {}, [], [("A", "1", "1", "1", "1")], "1 applied"),
    "the database's D": (
        "timestamp,symbol,side,size,price\n2018-12-05D00:00:25.948313000,ADAZ18,Sell,166774,9.54e-06\n"
        "2018-12-05D00:00:26.948313999,ADAZ18,Buy,1e3,9.55E-06\n",
        {}, ["--field-map", "event_time=timestamp"], [("ADAZ18", "0.00000954", "0.00000955", "167774", "1000")],
        "2 applied",
    ),
    "seconds after midnight and long prices": (
        "event_time,type,trade_id,size,price,side,symbol\n34200.017459617,5,0,1,2238200,-1,AAPL\n"
        "34200.189607670,4,1,21,2238100,1,AAPL\n",
        LOBSTER, [], [("AAPL", "223.82", "223.81", "22", "1")], "2 applied",
    ),
    "eighteen places, rounded": (
        f"{OURS}\n{T0},SHIB/USDT,0.00001234,1.123456789012345678,BUY,1,x\n{T0},PEPE,1.2345e-11,1,BUY,2,x\n",
        {"ROUND_NUMBERS": "true"}, [], [("SHIB/USDT", "0.00001234", "0.00001234", "1.123456789", "1.123456789")],
        "1 trades with a number that was rounded",
    ),
    "eighteen places": (f"{OURS}\n{T0},A,1.123456789012345678,1,BUY,1,x\n", {}, [], [], "1 rejected"),
    "symbols of vendors": (
        f"{OURS}\n" + "".join(f"{T0},{symbol},1,1,BUY,0,x\n" for symbol in SYMBOLS),
        {}, [], [(symbol, "1", "1", "1", "1") for symbol in SYMBOLS], "5 applied",
    ),
    "a cancel as a negative size": (
        f"{OURS}\n{T0},A,10,5,BUY,1,x\n{T0 + 1},A,99,5,BUY,2,x\n{T0 + 2},A,99,-5,BUY,2,x\n", {}, [],
        [("A", "10", "99", "10", "10")], "1 rejected",
    ),
    "a mapped column that isn't there": (
        "event_time_us,symbol,price,size,aggressor\n1714521600000000,A,1,1,buy\n", {}, ["--field-map", "side=agressor"],
        [], "no column agressor",
    ),
    "a mapped column that may be missing": (
        "event_time_us,symbol,price,size,aggressor\n1714521600000000,A,1,1,buy\n", {},
        ["--field-map", "side=agressor?"], [("A", "1", "1", "1", "0")], "1 applied",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_of_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, settings, options, expected, said = CASES[name]
    monkeypatch.chdir(tmp_path)
    for setting, value in settings.items():
        monkeypatch.setenv(f"TAPEFLOW_{setting}", value)
    (tmp_path / "trades.csv").write_text(content, "utf-8")
    code = main(["bars", "trades.csv", "--intervals", "1h", *options])
    shown = capsys.readouterr()
    assert said in shown.err
    assert code == (2 if said.startswith("no column") else 0)
    if code == 0:
        bars = pl.read_csv(io.StringIO(shown.out), infer_schema=False)
        found = bars.select("symbol", "open", "close", "volume", "buy_volume").rows()
        assert sorted(found) == sorted(expected)
