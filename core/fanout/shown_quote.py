"""Which bid and ask are shown of a ticker and a quote of one symbol, and what of messages is written anew for it.

Rooms and the gateway's REST use it. Of a ticker that has a bid and an ask, and a quote, the one with the later time
wins, in milliseconds; of two with the same time the quote. All digits stay those of the flows; only where trades win
are mid and spread computed here, exactly. A crossed quote has neither mid nor spread: both are null.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

from core.fanout.messages import Fields, TickerMessage

__all__ = ["beside_quote", "mid_and_spread", "shown_quote"]

OF_QUOTE: Final = ("bid", "ask", "bidSize", "askSize", "mid", "spread", "quoteTimestamp", "quoteSequence")
OF_TICKER: Final = ("bid", "ask")
NULL: Final = msgspec.Raw(b"null")
EXACT: Final = Context(prec=100)
PLACES: Final = Decimal("1e-10")


def shown_quote(ticker: Fields, quote: Fields) -> Fields:
    """The fields of OF_QUOTE that a client sees beside the other fields of ``ticker``."""
    has_both = all(bytes(ticker.get(name, NULL)) != b"null" for name in OF_TICKER)
    if not has_both or int(bytes(ticker["timestamp"])) <= int(bytes(quote["quoteTimestamp"])):
        return {name: quote[name] for name in OF_QUOTE}
    bid, ask = ticker["bid"], ticker["ask"]
    mid, spread = mid_and_spread(bid, ask)
    return dict(
        zip(
            OF_QUOTE,
            (bid, ask, NULL, NULL, mid, spread, ticker["timestamp"], quote["quoteSequence"]),
            strict=True,
        )
    )


def mid_and_spread(bid: msgspec.Raw, ask: msgspec.Raw) -> tuple[msgspec.Raw, msgspec.Raw]:
    """As a flow writes numbers; null where bid and ask cross."""
    low, high = Decimal(bytes(bid).decode()), Decimal(bytes(ask).decode())
    if low > high:
        return NULL, NULL
    middle = EXACT.divide(EXACT.add(low, high), Decimal(2)).quantize(PLACES, ROUND_HALF_EVEN, EXACT)
    return _plain(middle), _plain(EXACT.subtract(high, low))


def beside_quote(
    messages: Sequence[TickerMessage], changed: Fields, shown: Fields, ticker: Fields
) -> list[TickerMessage]:
    """What clients are told: ``messages`` of trades without their own bid and ask, and ``changed`` with the last one.

    shown: all that is shown after the last; a whole ticker among the messages gets it whole. ticker: the fields of
    trades after the last, from whose sequence to itself the change leads where there are no messages.
    """
    if not messages:
        return [_quote_alone(changed, ticker)] if changed else []
    told = [_rewritten(message, shown if message.previous is None else {}) for message in messages[:-1]]
    last = messages[-1]
    return [*told, _rewritten(last, shown if last.previous is None else changed)]


def _quote_alone(changed: Fields, ticker: Fields) -> TickerMessage:
    sequence = ticker["sequence"]
    head = {"type": msgspec.Raw(b'"delta"'), "symbol": ticker["symbol"]}
    tail = {"timestamp": ticker["timestamp"], "sequence": sequence, "previous": sequence}
    number = int(bytes(sequence))
    symbol = msgspec.json.decode(ticker["symbol"], type=str)
    return TickerMessage(symbol, number, number, msgspec.json.encode(head | changed | tail), number)


def _rewritten(message: TickerMessage, quote: Fields) -> TickerMessage:
    fields = {name: value for name, value in message.fields().items() if name not in OF_TICKER}
    raw = msgspec.json.encode(fields | quote)
    return TickerMessage(message.symbol, message.sequence, message.previous, raw, message.link)


def _plain(number: Decimal) -> msgspec.Raw:
    """Without exponent and trailing zeros."""
    text = f"{number:f}"
    return msgspec.Raw((text.rstrip("0").rstrip(".") if "." in text else text).encode())
