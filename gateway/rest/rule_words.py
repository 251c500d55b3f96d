"""The shapes of ``/api/alert-rules`` and ``/api/price-alerts``: what a user writes and what comes back.

As in gateway.rest.words, they check the request and make the document. A threshold comes as a JSON number or as text of
one; its digits are kept as they are.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.events import PriceAlertEvent
from gateway.messages.values import MS_MAX, Milliseconds, Number, SymbolName
from gateway.rest.words import Query, RangeEnd, RangeStart
from schemas.alert_rules import COOLDOWN_MS_MAX, Condition, Repeat
from schemas.alert_series import Series, Window

__all__ = [
    "TRADES_MAX",
    "AlertRuleAnswer",
    "AlertRuleBody",
    "FiredAlert",
    "PreviewAnswer",
    "PreviewBody",
    "PreviewFiring",
    "PriceAlertsQuery",
]

TRADES_MAX: Final = 200_000
Cooldown = Annotated[
    int,
    Meta(ge=0, le=COOLDOWN_MS_MAX, description="After a firing, what would fire within this time is passed over"),
]
Expiry = Annotated[
    int, Meta(ge=0, le=MS_MAX, description="Milliseconds since the epoch from which on it is over; 0: never")
]
Rearm = Annotated[Number, Meta(description="How far the value must go back before it may fire again")]


Threshold = Annotated[
    Number,
    Meta(
        description="In the unit of the series: a price (price, close), how far from or beyond one (vwap, high, low), "
        "percent (rise, fall; conditions rises_by, falls_by), a multiple (volume, trades), seconds (silence)"
    ),
]
SeriesWord = Annotated[Series, Meta(description="What the rule looks at")]
WindowWord = Annotated[
    Window, Meta(description="close: the bar's interval; rise, fall, high, low, volume, trades, vwap: the window")
]


class AlertRuleBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a user writes. Without ``rearm`` it is what suits the series: of a price 0.1 % and at least two ticks."""

    symbol: SymbolName
    condition: Condition
    threshold: Threshold
    repeat: Repeat = "once"
    rearm: Rearm | msgspec.UnsetType = msgspec.UNSET
    cooldown_ms: Cooldown = 0
    expires_at: Expiry = 0
    note: Annotated[str, Meta(max_length=500)] = ""
    series: SeriesWord = "price"
    window: WindowWord = ""


class FiredAlert(PriceAlertEvent):
    """A rule that fired, as the event price_alert told it."""


class AlertRuleAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """A rule as it is kept. ``lastFired`` is the event that told its user last."""

    id: str
    symbol: SymbolName
    condition: Condition
    threshold: Number
    repeat: Repeat
    rearm: Rearm
    cooldown_ms: Cooldown
    expires_at: Expiry
    note: str
    version: Annotated[int, Meta(ge=1, description="One more with each change, which arms the rule anew")]
    created_at: Milliseconds
    updated_at: Milliseconds
    series: SeriesWord
    window: WindowWord
    last_fired: FiredAlert | None = None


class PriceAlertsQuery(Query):
    """When rules fired, by event time."""

    start_time: RangeStart = None
    end_time: RangeEnd = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most alerts")] = 100


class PreviewBody(AlertRuleBody, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A rule, and the past that it is tried on: trades from startTime on, 200,000 at most."""

    start_time: Milliseconds
    end_time: Milliseconds


class PreviewFiring(msgspec.Struct, rename="camel"):
    timestamp: Milliseconds
    price: Number
    sequence: int
    value: Annotated[Number, Meta(description="Of the series, which passed the threshold")]


class PreviewAnswer(msgspec.Struct, rename="camel"):
    """When the rule would have fired. ``complete`` is false where there were more trades than are looked at; ``until``
    says how far they went."""

    firings: list[PreviewFiring]
    trades: int
    complete: bool
    until: Milliseconds
