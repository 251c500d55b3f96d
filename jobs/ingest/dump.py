"""The past of a venue's markets from the files that it publishes, before its history and its stream go on.

``tapeflow ingest --since-file`` sends it. A file's last trade of a market is where the market's gap begins, so what
lies between the file and the stream comes from the venue's REST, and each trade goes out once. What the topic has
already is left out. Only files whose ids are those of the stream can be joined to it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from connectors.values.layouts import Layout, layouts_called
from feeds.frame import EMPTY
from feeds.marks import is_behind
from feeds.recording import Frame
from feeds.rows import Trade
from feeds.series import SHARED, Series
from feeds.symbols import PERPETUAL, parts
from jobs.ingest.markets import Markets
from jobs.produce.sender import TapeSender
from schemas.columns import TradeBatch
from schemas.errors import InputError, SettingError

__all__ = ["layouts_of", "send_dump"]

NO_FRAME: Final = Frame(0, b"")
LAYOUTS: Final = {
    "binance": ("binance-aggtrades",),
    "binance-futures": ("binance-futures-aggtrades",),
    "bitget": ("bitget",),
    "bybit-linear": ("bybit",),
    "bybit-inverse": ("bybit",),
    "coinbase": ("coinbase",),
    "okx": ("okx", "okx-2022", "okx-plain"),
}
"""Layouts of a venue's files whose ids are those of its stream; and what tapeflow itself writes, of each venue."""
OURS: Final = "tapeflow"
ALIASES: Final = {"XBT": "BTC", "XDG": "DOGE"}


def layouts_of(venue: str) -> tuple[Layout, ...]:
    """Raises SettingError for a venue whose files can't be joined to its stream."""
    if venue not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise SettingError(
            f"files of {venue} have no ids that its stream has", where="--since-file", mend=f"possible for {known}"
        )
    return tuple(each for name in (*LAYOUTS[venue], OURS) for each in layouts_called(name) if each.name == name)


def send_dump(
    batches: Iterable[TradeBatch],
    sender: TapeSender,
    markets: Markets,
    symbols: Iterable[str],
    exchange: str,
    progress: Callable[[int], None] = lambda _done: None,
    series: Series = SHARED,
) -> Counter[str]:
    """Send what is new of the files' trades and let ``markets`` know them; counts: sent, repeated, refused.

    ``series``: under which symbols they go out. Raises InputError for trades of a market that isn't followed, and what
    sending raises.
    """
    names, counts = _names(symbols), Counter[str]()
    sent_as = {name: series.symbol(symbol) for name, symbol in names.items()}
    for batch in batches:
        counts["refused"] += len(batch.rejects)
        fresh = [place for place, trade in _trades(batch, names) if _is_new(trade, markets)]
        counts["repeated"] += len(batch) - len(fresh)
        if fresh:
            sender.send(_renamed(batch, fresh, sent_as, exchange))
            counts["sent"] += len(fresh)
        progress(counts.total())
    return counts


def _is_new(trade: Trade, markets: Markets) -> bool:
    mark = markets.mark(trade.symbol)
    if mark is not None and not is_behind(trade, mark, by_id=markets.ids_follow):
        return False
    return bool(markets.add([(trade, NO_FRAME)]))


def _trades(batch: TradeBatch, names: dict[str, str]) -> Iterator[tuple[int, Trade]]:
    """Each with its place, without numbers: those stay in the batch."""
    text = batch.text
    for place, row in enumerate(batch.rows):
        name = _text(text, int(row["symbol_at"]), int(row["symbol_len"]))
        symbol = names.get(_bare(name))
        if symbol is None:
            raise InputError(
                f"the file has trades of {name[:40]}, which isn't followed",
                where="--since-file",
                mend="name its market, or leave the file out",
            )
        trade_id = _text(text, int(row["trade_id_at"]), int(row["trade_id_len"]))
        yield place, Trade(symbol, name, EMPTY, EMPTY, "UNKNOWN", trade_id, int(row["event_time_us"]), is_past=True)


def _renamed(batch: TradeBatch, places: list[int], names: dict[str, str], exchange: str) -> TradeBatch:
    """The trades at ``places`` under the names that the stream gives them."""
    rows, text = batch.rows[places].copy(), bytes(batch.text)
    at: dict[str, int] = {}
    for name in (exchange, *names.values()):
        if name not in at:
            at[name] = len(text)
            text += name.encode()
    rows["exchange_at"], rows["exchange_len"] = at[exchange], len(exchange)
    symbols = [
        names[_bare(_text(batch.text, int(start), int(length)))]
        for start, length in zip(rows["symbol_at"], rows["symbol_len"], strict=True)
    ]
    rows["symbol_at"] = np.array([at[symbol] for symbol in symbols])
    rows["symbol_len"] = np.array([len(symbol) for symbol in symbols])
    return TradeBatch(batch.topic, batch.partition, rows, text, len(rows), batch.next_offset)


def _names(symbols: Iterable[str]) -> dict[str, str]:
    """What the files may call each market. Raises SettingError where one name means two."""
    found: dict[str, str] = {}
    for symbol in symbols:
        base, quote, words = parts(symbol)
        kinds = ("", "SWAP", PERPETUAL) if words == PERPETUAL else (words,)
        for name in {base + quote + kind for kind in kinds}:
            if name in found:
                raise SettingError(
                    f"files call both {found[name]} and {symbol} {name}",
                    where="--since-file",
                    mend="follow one of them",
                )
            found[name] = symbol
    return found


def _bare(name: str) -> str:
    """Without what venues put between currencies."""
    plain = "".join(letter for letter in name.upper() if letter.isalnum())
    for theirs, ours in ALIASES.items():
        plain = plain.replace(theirs, ours)
    return plain


def _text(text: bytes, at: int, length: int) -> str:
    return text[at : at + length].decode("utf-8", "replace")
