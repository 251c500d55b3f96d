"""Alerts about trades recomputed from them, one by one, in plain Python on ``decimal``.

Tests and proofs give it the trades of a topic. It is written from the words of docs/analytics.md and shares nothing
with core.analytics. Moves are ratios at 60 digits, where the flow has double precision.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final, NamedTuple

from oracle.truth import OracleTrade

__all__ = ["OracleFeedRules", "trade_alerts_of"]

RATIOS: Final = Context(prec=60)
WEIGHT: Final = 64
IDS_MAX: Final = 10**18
Told = tuple[str, str, int]
"""Id, opened or resolved, time."""


class OracleFeedRules(NamedTuple):
    kinds: frozenset[str]
    silence_us: int
    clear_us: int
    deviations: int
    moves_min: int


@dataclass(slots=True)
class _Symbol:
    exchange: str | None = None
    highest_id: int | None = None
    price: Decimal | None = None
    moves: list[Decimal] = field(default_factory=list)
    mean: Decimal = Decimal(0)
    opened: dict[str, tuple[str, int]] = field(default_factory=dict)


def trade_alerts_of(trades: Iterable[OracleTrade], rules: OracleFeedRules) -> dict[int, list[Told]]:
    """By partition, in order; silence as the log tells it."""
    found: dict[int, list[Told]] = {}
    symbols: dict[tuple[int, str], _Symbol] = {}
    newest: dict[int, tuple[int, int]] = {}
    for each in sorted(trades, key=lambda one: (one.partition, one.offset)):
        told = found.setdefault(each.partition, [])
        newest_us, last_offset = newest.get(each.partition, (each.event_time_us, -1))
        if "stale" in rules.kinds and each.event_time_us - newest_us >= rules.silence_us:
            alert = f"trades:stale:{each.partition}-{last_offset}"
            told += [(alert, "open", newest_us + rules.silence_us), (alert, "resolved", each.event_time_us)]
        newest[each.partition] = (max(newest_us, each.event_time_us), each.offset)
        symbol = symbols.setdefault((each.partition, each.symbol), _Symbol())
        faults = {"gaps": _skips(symbol, each), "crossed": _is_crossed(each), "jumps": _jumps(symbol, each, rules)}
        for kind, has_it in faults.items():
            if kind not in rules.kinds:
                continue
            alert, last_us = symbol.opened.get(kind, ("", each.event_time_us))
            if has_it and not alert:
                alert = f"trades:{kind}:{each.partition}-{each.offset}:{each.symbol}"
                told.append((alert, "open", each.event_time_us))
            if has_it:
                symbol.opened[kind] = (alert, max(last_us, each.event_time_us))
            elif alert and each.event_time_us - last_us >= rules.clear_us:
                del symbol.opened[kind]
                told.append((alert, "resolved", each.event_time_us))
    return found


def _skips(symbol: _Symbol, trade: OracleTrade) -> bool:
    number = trade.id_number
    if number is None or number >= IDS_MAX:
        return False
    if symbol.exchange is None:
        symbol.exchange = trade.exchange
    if symbol.exchange != trade.exchange:
        return False
    before = symbol.highest_id
    symbol.highest_id = number if before is None else max(before, number)
    return before is not None and number > before + 1


def _is_crossed(trade: OracleTrade) -> bool:
    return trade.bid is not None and trade.ask is not None and trade.bid > trade.ask


def _jumps(symbol: _Symbol, trade: OracleTrade, rules: OracleFeedRules) -> bool:
    before, symbol.price = symbol.price, trade.price
    if before is None:
        return False
    move = RATIOS.divide(abs(trade.price - before), before)
    has_jumped = len(symbol.moves) >= rules.moves_min and move > RATIOS.multiply(symbol.mean, Decimal(rules.deviations))
    step = RATIOS.divide(RATIOS.subtract(move, symbol.mean), Decimal(WEIGHT))
    symbol.mean = RATIOS.add(symbol.mean, step) if symbol.moves else move
    symbol.moves.append(move)
    return has_jumped
