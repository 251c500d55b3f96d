"""Layouts: each is read from a row of its own kind, with and without a header; what is like it isn't taken for it."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.files.places import FilePlace
from connectors.files.reader import TradeFile, read_trades
from connectors.values.column_plan import FileOptions
from connectors.values.layouts import LAYOUTS, layouts_called
from schemas.errors import InputError, SettingError
from tests.unit.connectors.batches import trades_of

BUY, SELL, UNKNOWN = 0, 1, 2
TIME_US = 1_714_521_600_123_000
ROWS = {
    # layout: (file name, row, trade id, exchange, side, time)
    "binance-trades": ("BTCUSDT-trades-2024-05-01.csv", "77,1.5,2,3,1714521600123,True,True", "77", SELL),
    "binance-aggtrades": ("BTCUSDT-aggTrades-2024-05.csv", "77,1.5,2,1,2,1714521600123000,False,True", "77", BUY),
    "binance-futures-trades": ("BTCUSDT_240628-trades-2024-05-01.csv", "77,1.5,2,3,1714521600123,true", "77", SELL),
    "binance-futures-aggtrades": (
        "BTCUSD_PERP-aggTrades-2024-05-01.csv",
        "77,1.5,2,1,2,1714521600123,false",
        "77",
        BUY,
    ),
    "kraken": ("XBTUSD.csv", "1714521600.123,1.5,2", "", UNKNOWN),
    "bitcoincharts": ("bitstampUSD.csv", "1714521600.123,1.5,2", "", UNKNOWN),
    "okx": ("x.csv", "BTC-USDT,77,buy,1.5,2,1714521600123", "77", BUY),
    "okx-2022": ("BTC-USDT-trades-2022-05-01.csv", "77,sell,2,1.5,1714521600123", "77", SELL),
    "okx-plain": ("BTC-USDT-SWAP-trades-2022-05-01.csv", "77,sell,2,1.5,1714521600123", "77", SELL),
    "bybit": ("x.csv", "1714521600.123,BTCUSDT,Buy,2,1.5,PlusTick,77,1,2,3", "77", BUY),
    "bybit-spot": ("BTCUSDT_2024-05-01.csv", "77,1714521600123,1.5,2,sell", "77", SELL),
    "bitmex": ("x.csv", "2024-05-01D00:00:00.123000000,XBTUSD,Sell,2,1.5,PlusTick,77,1,2,3", "77", SELL),
    "bitget": ("BTCUSDT_SPBL_20240501_001.csv", "77,1714521600123,1.5,buy,3,2", "77", BUY),
    "tardis": ("x.csv", "deribit,BTC-PERP,1714521600123000,1714521600124000,77,sell,1.5,2", "77", SELL),
    "polygon": ("x.csv", 'A,"12,37",0,4,77,1,1.5,3,1714521600123000999,2,1,0,0', "77", UNKNOWN),
    "polygon-crypto": ("x.csv", "X:BTC-USD,1,1,77,1714521600123000999,1.5,2", "77", UNKNOWN),
    "databento": ("x.csv", "1714521600123000999,1714521600123000999,0,1,2,T,A,0,1.500000000,2,0,1,77,ES", "", SELL),
    "databento-raw": ("x.csv", "1,1714521600123000999,0,1,2,T,B,0,1500000000,2,0,1,77,ES", "", BUY),
    "lobster": ("AAPL_2024-05-01_0_1_message_10.csv", "72000.123,4,77,2,15000,1", "", SELL),
    "coinbase": ("BTC-USD.csv", "2024-05-01T00:00:00.123Z,77,1.5,2,buy", "77", SELL),
    "bitfinex": ("tBTCUSD.csv", "77,1714521600123,-2,1.5", "77", SELL),
    "gate": ("BTC_USDT-202405.csv", "1714521600.123000,77,1.5,2,1", "77", SELL),
    "tapeflow": ("x.csv", "2024-05-01 00:00:00.123,A,1.5,2,SELL,77,x,,", "77", SELL),
}
LOCAL_DAYS = {"lobster": TIME_US + 86_400_000_000}  # twenty hours behind midnight in New York
SYMBOLS = {
    "BTCUSDT-trades-2024-05-01.csv": "BTCUSDT",
    "BTCUSDT_240628-trades-2024-05-01.csv": "BTCUSDT_240628",
    "BTCUSD_PERP-aggTrades-2024-05.csv": "BTCUSD_PERP",
    "BTC-USDT-SWAP-trades-2022-05-01.csv": "BTC-USDT-SWAP",
    "BTCUSDT_SPBL_20240501_001.csv": "BTCUSDT",
    "AAPL_2024-05-01_0_1_message_10.csv": "AAPL",
    "tBTCUSD.csv": "tBTCUSD",
    "BTC_USDT-202405.csv": "BTC_USDT",
    "XBTUSD.csv": "XBTUSD",
}


def read_one(path: Path, text: str, layout: str = "") -> tuple[TradeFile, dict[str, object]]:
    path.write_text(text)
    file = TradeFile(FilePlace(path, path.name), FileOptions(layouts=layouts_called(layout) if layout else ()))
    (trade,) = [trade for batch in read_trades(file) for trade in trades_of(batch)]
    return file, trade


@pytest.mark.parametrize("layout", [each.name for each in LAYOUTS])
@pytest.mark.parametrize("with_header", [True, False])
def test_each_layout_reads_its_own_rows(layout: str, with_header: bool, tmp_path: Path) -> None:
    name, row, trade_id, side = ROWS[layout]
    (chosen,) = [each for each in LAYOUTS if each.name == layout]
    if not with_header and layout == "tapeflow":
        pytest.skip("its files have headers")
    text = (",".join(chosen.columns) + "\n" if with_header else "") + row + "\n"
    file, trade = read_one(tmp_path / name, text, layout)
    assert (trade["price"], trade["size"]) == (int(Decimal("1.5") * 10**10), 2 * 10**10)
    assert (trade["side"], trade["trade_id"]) == (side, trade_id.encode())
    assert trade["event_time"] in (TIME_US, LOCAL_DAYS.get(layout, TIME_US))
    assert trade["symbol"] == SYMBOLS.get(name, trade["symbol"].decode()).encode()  # type: ignore[attr-defined]
    assert f"layout {layout}" in file.describe()


@pytest.mark.parametrize("layout", [each.name for each in LAYOUTS if each.marks])
def test_headers_that_are_unmistakable_are_recognised(layout: str, tmp_path: Path) -> None:
    name, row, _, side = ROWS[layout]
    (chosen,) = [each for each in LAYOUTS if each.name == layout]
    if "symbol" not in chosen.fields and not chosen.symbol_in(name):
        pytest.skip("needs --symbol")
    columns = chosen.columns
    if layout == "coinbase":
        columns, row = (*columns, "product_id"), f"{row},BTC-USD"
    file, trade = read_one(tmp_path / name, ",".join(columns).upper() + "\n" + row + "\n")
    assert trade["side"] == side
    assert f"layout {layout}" in file.describe()


@pytest.mark.parametrize("layout", [each.name for each in LAYOUTS if each.shape])
def test_rows_without_names_are_recognised_together_with_the_file_s_name(layout: str, tmp_path: Path) -> None:
    name, row, _, _ = ROWS[layout]
    assert f"layout {layout}" in read_one(tmp_path / name, row + "\n")[0].describe()
    with pytest.raises(InputError, match="say --layout"):
        read_one(tmp_path / "x.csv", row + "\n")


def test_a_layout_that_nothing_speaks_for_is_refused(tmp_path: Path) -> None:
    own = "event_time_us,symbol,price,size,side\n1714521600123000,A,1.5,2,BUY\n"
    with pytest.raises(InputError, match="not the layout binance-trades"):
        read_one(tmp_path / "t.csv", own, "binance")
    raw = "ts_event,symbol,price,size,side\n1714521600123000999,ES,1.500000000,2,B\n"
    with pytest.raises(InputError, match="not the layout databento-raw: the first row is"):
        read_one(tmp_path / "t.csv", raw, "databento-raw")
    with pytest.raises(SettingError, match="no such layout: nonsense"):
        layouts_called("nonsense")
    assert {each.name for each in layouts_called("OKEX")} == {"okx", "okx-2022", "okx-plain"}
    assert [each.name for each in layouts_called("massive")] == ["polygon", "polygon-crypto"]


def test_rows_that_are_no_trades_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "AAPL_2024-05-01_0_1_message_10.csv"
    path.write_text("34200.1,1,7,9,2238300,1\n34200.2,4,7,9,2238300,1\n34200.3,7,0,0,-1,-1\n")
    (batch,) = read_trades(TradeFile(FilePlace(path, path.name)))
    assert batch.rows["offset"].tolist() == [1]
    assert [reject.detail for reject in batch.rejects] == [
        f"type is '{kind}'; trades have 4 or 5 or 6" for kind in (1, 7)
    ]
