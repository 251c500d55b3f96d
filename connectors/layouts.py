"""The files that venues and vendors publish, one row each: columns, what they mean, and how rows without names look.

TradeFile asks for a layout by the user's word or by a file's header; a ColumnPlan takes the fields from it. A layout
is recognised only where its ``marks`` are all there, so that a file of the user's own is never taken for another.
Columns are those of the publishers' own pages and of the files themselves; names are compared without regard to case.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.errors import SettingError

__all__ = ["LAYOUTS", "Layout", "headerless_layout", "layouts_called", "layouts_with"]


class Layout(NamedTuple):
    """``columns``: names in order, as rows without a header have them. ``marks``: names that tell a header for certain.

    fields: our field -> their column. shape: pattern of a headerless row, its cells joined by commas. name_pattern:
    finds the symbol in a file's name. first_row: pattern of a first row, where two layouts have the same header.
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
    first_row: str = ""
    encoding: str = ""

    def symbol_in(self, file_name: str) -> str:
        """The symbol that a file of this name holds, empty when it doesn't say."""
        found = re.search(self.name_pattern, file_name) if self.name_pattern else None
        return found["symbol"] if found else ""


_INTEGER: Final = r"\d+"
_DECIMAL: Final = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_BOOLEAN: Final = r"(?:true|false|True|False|TRUE|FALSE)"
_EPOCH: Final = r"\d{13}(?:\d{3})?"
_BINANCE_NAME: Final = r"(?<![A-Za-z0-9])(?P<symbol>[A-Z0-9]+(?:_(?:\d{6}|PERP))?)-(?:agg)?[Tt]rades-\d{4}"
_DASHED_NAME: Final = r"(?<![A-Za-z0-9])(?P<symbol>[A-Z0-9]+(?:-[A-Z0-9]+)+)-(?:agg)?trades-\d{4}"
_DATED_NAME: Final = r"^(?P<symbol>[A-Za-z0-9-]+?)(?:_[A-Z]+)?[_-]?\d{4}-?\d{2}(?:-?\d{2})?"
_STEM_NAME: Final = r"^(?P<symbol>[A-Za-z0-9-]+)(?=\.)"


def _shape(*cells: str) -> str:
    return ",".join(cells)


LAYOUTS: Final = (
    Layout(
        "binance-trades", "Binance spot, trades",
        ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"),
        {"trade_id": "id", "price": "price", "size": "qty", "event_time": "time"},
        ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _DECIMAL, _EPOCH, _BOOLEAN, _BOOLEAN), name_pattern=_BINANCE_NAME,
    ),
    Layout(
        "binance-aggtrades", "Binance spot, aggregated trades",
        ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker",
         "is_best_match"),
        {"trade_id": "agg_trade_id", "price": "price", "size": "quantity", "event_time": "transact_time"},
        ("agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker", "is_best_match"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _INTEGER, _INTEGER, _EPOCH, _BOOLEAN, _BOOLEAN),
        name_pattern=_BINANCE_NAME,
    ),
    Layout(
        "binance-futures-trades", "Binance futures, trades",
        ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
        {"trade_id": "id", "price": "price", "size": "qty", "event_time": "time"},
        ("id", "price", "qty", "time", "is_buyer_maker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _DECIMAL, _EPOCH, _BOOLEAN), name_pattern=_BINANCE_NAME,
    ),
    Layout(
        "binance-futures-aggtrades", "Binance futures, aggregated trades",
        ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker"),
        {"trade_id": "agg_trade_id", "price": "price", "size": "quantity", "event_time": "transact_time"},
        ("agg_trade_id", "price", "quantity", "transact_time", "is_buyer_maker"), "binance",
        shape=_shape(_INTEGER, _DECIMAL, _DECIMAL, _INTEGER, _INTEGER, _EPOCH, _BOOLEAN), name_pattern=_BINANCE_NAME,
    ),
    Layout(
        "kraken", "Kraken's trading history, one pair a file",
        ("timestamp", "price", "volume"),
        {"event_time": "timestamp", "price": "price", "size": "volume"}, (), "kraken", "s", name_pattern=_STEM_NAME,
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
        first_row=r"[\d.]+,",
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
        first_row=r"\d{4}-\d{2}-\d{2}[DT ]",
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
    """The layout whose headerless rows look like ``cells``."""
    row = ",".join(cells)
    return next((each for each in among if each.shape and re.fullmatch(each.shape, row)), None)
