"""Alerts of a desk in words: what a level, a status or a silence means to whom it wakes.

The desks of core.analytics open and resolve them. Ids are made of the record that brought an alert about, so that a
crash or a replay gives the same alert again. What is resolved has the words and the id with which it was opened.
"""

from typing import Final

from kernels.decimal_text import plain
from schemas.desk import DeskAlert

__all__ = ["exposure_alert", "routing_alert", "silent_alert", "status_alert", "trade_alert"]

SOURCE: Final = "analytics"
TRADE_WORDS: Final = {
    "gaps": ("Ids of {} are skipped", "Trades of {} came whose ids leave some out"),
    "crossed": ("Quotes of {} are crossed", "Trades of {} came with a bid above the ask"),
    "jumps": ("The price of {} jumped", "The price of {} moved by more than the bound of its usual moves"),
    "stale": ("The feed of trades is stale", "No trade has come for the silence bound"),
}


def exposure_alert(level: str, alert_id: str, state: str, time_us: int, gross: int, limit: int) -> DeskAlert:
    """Of the level of the gross total."""
    severity = "critical" if level == "critical" else "warning"
    message = f"The gross exposure is {plain(gross)} of a limit of {plain(limit)}"
    actions = ("Review positions", "Consider hedging")
    return DeskAlert(
        alert_id, state, time_us, severity, "exposure", f"Exposure is {level}", message, SOURCE, actions
    )  # fmt: skip


def status_alert(lp: str, status: str, alert_id: str, state: str, time_us: int) -> DeskAlert:
    """Of a provider that isn't up."""
    message = f"The provider {lp} says that it is {status}"
    actions = ("Check the connection", "Route to other providers")
    return DeskAlert(alert_id, state, time_us, "error", "lp", f"{lp} is {status}", message, SOURCE, actions)


def silent_alert(lp: str, alert_id: str, state: str, time_us: int, basis: str) -> DeskAlert:
    """Of a provider that says nothing any more."""
    message = f"Nothing has come from the provider {lp} for the silence bound"
    actions = ("Check the connection", "Route to other providers")
    return DeskAlert(alert_id, state, time_us, "error", "lp", f"{lp} is silent", message, SOURCE, actions, basis)


def routing_alert(kind: str, name: str, alert_id: str, state: str, time_us: int, told: int, bound: int) -> DeskAlert:
    """Of a minute's rejections, in percent, or execution times, in microseconds; ``name``: total, or lp and a name."""
    whom = name.partition(":")[2] or "the desk"
    if kind == "rejects":
        title = f"Many orders are rejected: {whom}"
        message = f"{told} % of a minute's decisions were rejections; the bound is {bound} %"
    else:
        title = f"Orders are executed slowly: {whom}"
        message = f"A minute's p99 was {plain(told, 3)} ms; the bound is {plain(bound, 3)} ms"
    actions = ("Look at decisions by provider", "Route to other providers")
    return DeskAlert(alert_id, state, time_us, "warning", "routing", title, message, SOURCE, actions)


def trade_alert(kind: str, symbol: str, alert_id: str, state: str, time_us: int, basis: str) -> DeskAlert:
    """Of a kind of schemas.desk.TRADE_ALERTS; ``symbol``: of which, nothing where it is about all of a partition."""
    title, message = TRADE_WORDS[kind]
    severity = "error" if kind == "stale" else "warning"
    symbols = (symbol,) if symbol else ()
    return DeskAlert(
        alert_id, state, time_us, severity, "trades", title.format(symbol), message.format(symbol), SOURCE,
        ("Check the feed",), basis, symbols=symbols,
    )  # fmt: skip
