"""What the router and OpenAPI know of ``/api/alert-rules`` and ``/api/price-alerts``.

The handlers are in gateway.rest.alert_rules, which hands itself in. Fixed paths stand before those with an id.
"""

from typing import Final, Protocol

from gateway.rest.endpoint import Call, Operation
from gateway.rest.reply import Reply
from gateway.rest.rule_words import (
    AlertRuleAnswer,
    AlertRuleBody,
    FiredAlert,
    PreviewAnswer,
    PreviewBody,
    PriceAlertsQuery,
)

__all__ = ["Handlers", "operations"]

TAG: Final = "alerts"
BODY_EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "condition": "crosses_above",
    "threshold": 65000,
    "repeat": "every",
    "note": "sell some",
}
FIRED_EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "price": 65000.5,
    "alert_type": "threshold_exceeded",
    "threshold": 65000,
    "direction": "above",
    "id": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e:184467",
    "rule": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e",
    "sequence": 184467,
    "timestamp": 1767225600123,
    "note": "sell some",
    "series": "price",
    "window": "",
    "value": 65000.5,
    "basis": "log",
}
EXAMPLE: Final = {
    "id": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e",
    **BODY_EXAMPLE,
    "rearm": 65,
    "cooldownMs": 0,
    "expiresAt": 0,
    "version": 1,
    "createdAt": 1767225600123,
    "updatedAt": 1767225600123,
    "series": "price",
    "window": "",
    "lastFired": None,
}
PREVIEW_EXAMPLE: Final = {
    "firings": [{"timestamp": 1767225600123, "price": 65000.5, "sequence": 184467, "value": 65000.5}],
    "trades": 51234,
    "complete": True,
    "until": 1767229200000,
}


class Handlers(Protocol):
    """Such as AlertRules."""

    async def all(self, call: Call) -> Reply: ...

    async def create(self, call: Call) -> Reply: ...

    async def one(self, call: Call) -> Reply: ...

    async def replace(self, call: Call) -> Reply: ...

    async def delete(self, call: Call) -> Reply: ...

    async def preview(self, call: Call) -> Reply: ...

    async def fired(self, call: Call) -> Reply: ...


def operations(handlers: Handlers, rules_max: int) -> tuple[Operation, ...]:
    """``rules_max``: how many rules a user may have."""
    rules, one = "/api/alert-rules", "/api/alert-rules/{id}"
    return (
        Operation(
            "GET", rules, handlers.all, "getAlertRules", TAG, "The user's rules", list[AlertRuleAnswer],
            example=[EXAMPLE], tagged=True,
        ),
        Operation(
            "POST", rules, handlers.create, "createAlertRule", TAG, "Make a rule", AlertRuleAnswer,
            status=201, headers=("Location",), body=AlertRuleBody, body_example=BODY_EXAMPLE, example=EXAMPLE,
            description=f"A user has at most {rules_max}. Answered when the log has it; it is armed a moment later and "
            "fires by the event price_alert of /api/events.",
        ),
        Operation(
            "POST", f"{rules}/preview", handlers.preview, "previewAlertRule", TAG,
            "When a rule would have fired", PreviewAnswer, body=PreviewBody, watched=True,
            body_example={**BODY_EXAMPLE, "startTime": 1767225600000, "endTime": 1767229200000},
            example=PREVIEW_EXAMPLE,
            description="The rule is run over the trades of the past in the order of the log, as it would be live. "
            "Nothing is kept and nobody is told.",
        ),
        Operation(
            "GET", one, handlers.one, "getAlertRule", TAG, "One rule", AlertRuleAnswer, example=EXAMPLE, tagged=True,
        ),
        Operation(
            "PUT", one, handlers.replace, "replaceAlertRule", TAG, "Replace a rule, and arm it anew",
            AlertRuleAnswer, body=AlertRuleBody, body_example=BODY_EXAMPLE, example=EXAMPLE,
        ),
        Operation("DELETE", one, handlers.delete, "deleteAlertRule", TAG, "Delete a rule", status=204),
        Operation(
            "GET", "/api/price-alerts", handlers.fired, "getPriceAlerts", TAG, "What the user's rules fired",
            list[FiredAlert], query=PriceAlertsQuery, example=[FIRED_EXAMPLE], tagged=True, watched=True,
            description="Newest first, each once, for ever.",
        ),
    )  # fmt: skip
