"""The files that venues and vendors publish, one row each: columns, what they mean, and how rows without names look.

TradeFile asks for a layout by the user's word or by a file's header; a ColumnPlan takes the fields from it. A layout
is recognised only where its ``marks`` are all there, so that a file of the user's own is never taken for another.
Columns are those of the publishers' own pages and of the files themselves; names are compared without regard to case.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.errors import SettingError
from schemas.trade_words import TradeWords

__all__ = ["LAYOUTS", "Layout", "headerless_layout", "layouts_called", "layouts_with"]


class Layout(NamedTuple):
    """``columns``: names in order, as rows without a header have them. ``marks``: names that tell a header for certain.

    fields: our field -> their column. shape: pattern of a headerless row, its cells joined by commas. name_pattern:
    finds the symbol in a file's name, and perhaps the day. first_row: patterns of cells of a first row, where two
    layouts have the same header. words: how values are written. day_zone: times count from midnight there, on the day
    in the file's name. kept: a column of one letter or digit, and those of its values that are trades; other rows are
    none. Of several names of a column, with bars between them, the first that is there is taken.
    """

    name: str
    what: str
    columns: tuple[str, ...]
    fields: Mapping[str, str]
    marks: tuple[str, ...] = ()
    exchange: str = ""
    time_unit: str = "auto"
    shape: str = ""
    name_pattern: str = ""
    first_row: Mapping[str, str] = MappingProxyType({})
    encoding: str = ""
    words: TradeWords = TradeWords()
    day_zone: str = ""
    kept: tuple[str, str] = ("", "")

    def symbol_in(self, file_name: str) -> str:
        """The symbol that a file of this name holds, empty when it doesn't say."""
        found = re.search(self.name_pattern, file_name) if self.name_pattern else None
        return found["symbol"] if found else ""

    def words_of(self, file_name: str) -> TradeWords:
        """How a file of this name writes its values."""
        found = re.search(r"\d{4}-\d{2}-\d{2}", file_name) if self.day_zone else None
        if found is None:
            return self.words
        midnight = datetime.fromisoformat(found[0]).replace(tzinfo=ZoneInfo(self.day_zone))
        return replace(self.words, time_origin_us=int(midnight.timestamp()) * 1_000_000)

    def fits(self, names: Sequence[str], row: Sequence[str]) -> bool:
        """Whether a first row is one of this layout, as far as that can be told."""
        cells = {name.casefold(): cell for name, cell in zip(names, row, strict=False)}
        patterns = self.first_row.items()
        return all(re.fullmatch(pattern, cells.get(name.casefold(), "")) for name, pattern in patterns)


_INTEGER: Final = r"\d+"
_DECIMAL: Final = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_BOOLEAN: Final = r"(?:true|false|True|False|TRUE|FALSE)"
_EPOCH: Final = r"\d{13}(?:\d{3})?"
_BINANCE_NAME: Final = r"(?<![A-Za-z0-9])(?P<symbol>[A-Z0-9]+(?:_(?:\d{6}|PERP))?)-(?:agg)?[Tt]rades-\d{4}"
_DASHED_NAME: Final = r"(?<![A-Za-z0-9])(?P<symbol>[A-Z0-9]+(?:-[A-Z0-9]+)+)-(?:agg)?trades-\d{4}"
_DATED_NAME: Final = r"^(?P<symbol>[A-Za-z0-9-]+?)(?:_[A-Z]+)?[_-]?\d{4}-?\d{2}(?:-?\d{2})?"
_PAIR_NAME: Final = r"(?<![A-Za-z0-9])(?P<symbol>t?[A-Z][A-Z0-9]+[-_:/]?[A-Z][A-Z0-9]+)(?![A-Za-z0-9])"
_STEM_NAME: Final = r"^(?P<symbol>[A-Za-z0-9-]+)(?=\.)"


def _shape(*cells: str) -> str:
    return ",".join(cells)


_MAKER: Final = TradeWords(side_of="maker")
LAYOUTS: Final = (
    Layout(
        "binance-trades", "Binance spot, trades",
        ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"),
        {"trade_id": "id", "price": "price", "size": "qty", "event_time": "time",
         "side": "is_buyer_maker|isBuyerMaker"},
        ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _DECIMAL, _EPOCH, _BOOLEAN, _BOOLEAN), name_pattern=_BINANCE_NAME,
        words=_MAKER,
    ),
    Layout(
        "binance-aggtrades", "Binance spot, aggregated trades",
        ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker",
         "is_best_match"),
        {"trade_id": "agg_trade_id", "price": "price", "size": "quantity", "event_time": "transact_time",
         "side": "is_buyer_maker|isBuyerMaker"},
        ("agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker", "is_best_match"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _INTEGER, _INTEGER, _EPOCH, _BOOLEAN, _BOOLEAN),
        name_pattern=_BINANCE_NAME,
        words=_MAKER,
    ),
    Layout(
        "binance-futures-trades", "Binance futures, trades",
        ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
        {"trade_id": "id", "price": "price", "size": "qty", "event_time": "time",
         "side": "is_buyer_maker|isBuyerMaker"},
        ("id", "price", "qty", "time", "is_buyer_maker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _DECIMAL, _EPOCH, _BOOLEAN), name_pattern=_BINANCE_NAME,
        words=_MAKER,
    ),
    Layout(
        "binance-futures-aggtrades", "Binance futures, aggregated trades",
        ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker"),
        {"trade_id": "agg_trade_id", "price": "price", "size": "quantity", "event_time": "transact_time",
         "side": "is_buyer_maker|isBuyerMaker"},
        ("agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _INTEGER, _INTEGER, _EPOCH, _BOOLEAN), name_pattern=_BINANCE_NAME,
        words=_MAKER,
    ),
    Layout(
        "kraken", "Kraken's trading history, one pair a file",
        ("timestamp", "price", "volume"),
        {"event_time": "timestamp|time", "price": "price", "size": "volume"}, (), "kraken", "s",
        name_pattern=_STEM_NAME,
    ),
    Layout(
        "bitcoincharts", "bitcoincharts.com, one market a file",
        ("unixtime", "price", "amount"),
        {"event_time": "unixtime", "price": "price", "size": "amount"}, (), "", "s", name_pattern=_STEM_NAME,
    ),
    Layout(
        "okx", "OKX, trades and aggregated trades",
        ("instrument_name", "trade_id", "side", "price", "size", "created_time"),
        {"symbol": "instrument_name", "trade_id": "trade_id", "side": "side", "price": "price", "size": "size",
         "event_time": "created_time"},
        ("instrument_name", "trade_id", "side", "price", "size", "created_time"), "okx", "ms",
        name_pattern=_DASHED_NAME,
    ),
    Layout(
        "okx-2022", "OKX before 2023, whose names of columns are in two languages",
        ("trade_id/撮合id", "side/交易方向", "size/数量", "price/价格", "created_time/成交时间"),
        {"trade_id": "trade_id/撮合id", "side": "side/交易方向", "size": "size/数量", "price": "price/价格",
         "event_time": "created_time/成交时间"},
        ("trade_id/撮合id", "price/价格"), "okx", "ms", name_pattern=_DASHED_NAME, encoding="gb18030",
    ),
    Layout(
        "okx-plain", "OKX without the instrument's name",
        ("trade_id", "side", "size", "price", "created_time"),
        {"trade_id": "trade_id", "side": "side", "size": "size", "price": "price", "event_time": "created_time"},
        ("trade_id", "side", "size", "price", "created_time"), "okx", "ms", name_pattern=_DASHED_NAME,
    ),
    Layout(
        "bybit", "Bybit derivatives",
        ("timestamp", "symbol", "side", "size", "price", "tickDirection", "trdMatchID", "grossValue", "homeNotional",
         "foreignNotional"),
        {"event_time": "timestamp", "symbol": "symbol", "side": "side", "size": "size", "price": "price",
         "trade_id": "trdMatchID"},
        ("timestamp", "symbol", "side", "size", "price", "trdMatchID", "homeNotional"), "bybit", "s",
        first_row={"timestamp": r"[\d.]+"},
    ),
    Layout(
        "bybit-spot", "Bybit spot",
        ("id", "timestamp", "price", "volume", "side"),
        {"trade_id": "id", "event_time": "timestamp", "price": "price", "size": "volume", "side": "side"},
        ("id", "timestamp", "price", "volume", "side"), "bybit", "ms", name_pattern=_DATED_NAME,
    ),
    Layout(
        "bitmex", "BitMEX",
        ("timestamp", "symbol", "side", "size", "price", "tickDirection", "trdMatchID", "grossValue", "homeNotional",
         "foreignNotional"),
        {"event_time": "timestamp", "symbol": "symbol", "side": "side", "size": "size", "price": "price",
         "trade_id": "trdMatchID"},
        ("timestamp", "symbol", "side", "size", "price", "trdMatchID", "homeNotional"), "bitmex",
        first_row={"timestamp": r"\d{4}-\d{2}-\d{2}[DT ].*"},
    ),
    Layout(
        "bitget", "Bitget, spot and futures",
        ("trade_id", "timestamp", "price", "side", "volume(quote)", "size(base)"),
        {"trade_id": "trade_id", "event_time": "timestamp", "price": "price", "side": "side", "size": "size(base)"},
        ("trade_id", "timestamp", "price", "side", "size(base)"), "bitget", "ms",
        name_pattern=r"(?<![A-Za-z0-9])(?P<symbol>[A-Z0-9]+?)(?:_(?:SPBL|UMCBL|DMCBL|CMCBL))?_\d{8}",
    ),
    Layout(
        "tardis", "tardis.dev, trades",
        ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"),
        {"exchange": "exchange", "symbol": "symbol", "event_time": "timestamp", "trade_id": "id", "side": "side",
         "price": "price", "size": "amount"},
        ("exchange", "symbol", "timestamp", "local_timestamp", "side", "price", "amount"), "", "us",
    ),
    Layout(
        "polygon", "Polygon (Massive) flat files, stocks and options",
        ("ticker", "conditions", "correction", "exchange", "id", "participant_timestamp", "price", "sequence_number",
         "sip_timestamp", "size", "tape", "trf_id", "trf_timestamp"),
        {"symbol": "ticker", "exchange": "exchange", "trade_id": "id", "event_time": "sip_timestamp",
         "price": "price", "size": "size"},
        ("ticker", "conditions", "price", "sip_timestamp", "size"), "", "ns",
    ),
    Layout(
        "polygon-crypto", "Polygon (Massive) flat files, crypto",
        ("ticker", "conditions", "exchange", "id", "participant_timestamp", "price", "size"),
        {"symbol": "ticker", "exchange": "exchange", "trade_id": "id", "event_time": "participant_timestamp",
         "price": "price", "size": "size"},
        ("ticker", "conditions", "participant_timestamp", "price", "size"), "", "ns",
    ),
    Layout(
        "databento-raw", "Databento with prices as whole numbers",
        ("ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id", "action", "side", "depth", "price", "size",
         "flags", "ts_in_delta", "sequence", "symbol"),
        {"event_time": "ts_event", "symbol": "symbol", "side": "side", "price": "price", "size": "size"},
        ("ts_event", "price", "size", "side"), "", "ns",
        first_row={"price": r"-?\d+"}, words=TradeWords(price_scale=9), kept=("action", "T"),
    ),
    Layout(
        "databento", "Databento, trades",
        ("ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id", "action", "side", "depth", "price", "size",
         "flags", "ts_in_delta", "sequence", "symbol"),
        {"event_time": "ts_event", "symbol": "symbol", "side": "side", "price": "price", "size": "size"},
        ("ts_event", "price", "size", "side"), "", "ns", kept=("action", "T"),
    ),
    Layout(
        "lobster", "LOBSTER's message files",
        ("time", "type", "order_id", "size", "price", "direction"),
        {"event_time": "time", "size": "size", "price": "price", "side": "direction"},
        (), "nasdaq", "s", shape=_shape(r"\d{5}\.\d+", "[1-7]", _INTEGER, _INTEGER, r"-?\d+", "-?1"),
        name_pattern=r"^(?P<symbol>[A-Za-z.]+)_\d{4}-\d{2}-\d{2}_.*message",
        words=TradeWords(sides={"1": "BUY", "-1": "SELL"}, side_of="maker", price_scale=4),
        day_zone="America/New_York", kept=("type", "456"),
    ),
    Layout(
        "coinbase", "Coinbase Exchange, trades as its interface gives them",
        ("time", "trade_id", "price", "size", "side"),
        {"event_time": "time", "trade_id": "trade_id", "price": "price", "size": "size", "side": "side",
         "symbol": "product_id"},
        ("time", "trade_id", "product_id", "price", "size", "side"), "coinbase",
        name_pattern=_PAIR_NAME, words=_MAKER,
    ),
    Layout(
        "bitfinex", "Bitfinex, trades as its interface gives them",
        ("id", "mts", "amount", "price"),
        {"trade_id": "id", "event_time": "mts|timestamp", "size": "amount", "price": "price"},
        ("id", "mts", "amount", "price"), "bitfinex", "ms",
        name_pattern=_PAIR_NAME,
        words=TradeWords(signed_size=True),
    ),
    Layout(
        "gate", "Gate, spot deals",
        ("timestamp", "dealid", "price", "amount", "side"),
        {"event_time": "timestamp", "trade_id": "dealid", "price": "price", "size": "amount", "side": "side"},
        ("timestamp", "dealid", "price", "amount", "side"), "gate", "s",
        shape=_shape(r"\d{10}\.\d{6}", _INTEGER, _DECIMAL, _DECIMAL, "[12]"),
        name_pattern=r"^(?P<symbol>[A-Z0-9]+_[A-Z0-9]+)-\d{6}", words=TradeWords(sides={"1": "SELL", "2": "BUY"}),
    ),
    Layout(
        "tapeflow", "what tapeflow writes: trades exported from ClickHouse",
        ("event_time", "symbol", "price", "size", "side", "trade_id", "exchange", "bid", "ask"),
        {name: name for name in ("event_time", "symbol", "price", "size", "side", "trade_id", "exchange", "bid",
                                 "ask")},
    ),
)  # fmt: skip
"""More specific ones first: where several fit a header, the first one is taken."""
_OTHER_NAMES: Final = {"massive": "polygon", "massive-crypto": "polygon-crypto", "okex": "okx"}


def layouts_called(name: str) -> tuple[Layout, ...]:
    """The layout of that name, or all of a publisher's: ``binance`` is each ``binance-…``. Raises SettingError."""
    asked = _OTHER_NAMES.get(name.lower(), name.lower())
    found = tuple(each for each in LAYOUTS if each.name == asked or each.name.startswith(asked + "-"))
    if not found:
        raise SettingError(
            f"no such layout: {name}", where="--layout", mend=f"use {', '.join(each.name for each in LAYOUTS)}"
        )
    return found


def layouts_with(names: Sequence[str], among: Iterable[Layout] = LAYOUTS) -> list[Layout]:
    """Those whose marks are all among the columns ``names``, the one with most marks first."""
    known = {name.strip().casefold() for name in names}
    found = [each for each in among if each.marks and all(mark.casefold() in known for mark in each.marks)]
    return sorted(found, key=lambda each: -len(each.marks))


def headerless_layout(cells: Sequence[str], among: Iterable[Layout] = LAYOUTS) -> Layout | None:
    """The layout whose headerless rows look like ``cells``; they alone don't prove that it is one."""
    row = ",".join(cells)
    return next((each for each in among if each.shape and re.fullmatch(each.shape, row)), None)
