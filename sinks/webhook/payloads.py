"""What a webhook is sent for a price alert, in the form that its receiver understands.

``tapeflow`` is the alert as clients of ``/api/events`` get it, with its user. ``slack`` and ``pagerduty`` are what an
incoming webhook of Slack and the Events API v2 of PagerDuty take. The alert's id goes along as that which tells a
second delivery apart: PagerDuty drops it by its ``dedup_key``.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from kernels.decimal_text import plain
from schemas.alert_rules import ALERT_TYPE, DIRECTIONS, Firing

__all__ = ["WebhookFormat", "payload"]

WebhookFormat = Literal["tapeflow", "slack", "pagerduty"]
SUMMARY_MAX: Final = 1024
"""Characters of a summary that PagerDuty takes."""


def payload(kind: WebhookFormat, firing: Firing, routing_key: str) -> bytes:
    """The body; ``routing_key``: of PagerDuty's service."""
    forms = {"tapeflow": _plain, "slack": _slack, "pagerduty": _pagerduty}
    body = forms[kind](firing)
    if kind == "pagerduty":
        body["routing_key"] = routing_key
    return msgspec.json.encode(body)


def _number(value: int) -> msgspec.Raw:
    return msgspec.Raw(plain(value).encode())


def _plain(firing: Firing) -> dict[str, Any]:
    rule = firing.rule
    return {
        "type": "price_alert",
        "id": firing.id,
        "user": rule.user,
        "symbol": rule.symbol,
        "price": _number(firing.price),
        "alert_type": ALERT_TYPE,
        "threshold": _number(firing.threshold),
        "direction": DIRECTIONS[rule.condition],
        "rule": rule.id,
        "sequence": firing.sequence,
        "timestamp": firing.event_time_us // 1000,
        "note": rule.note,
        "series": rule.series,
        "window": rule.window,
        "value": _number(firing.value),
        "basis": firing.basis,
    }


def _words(firing: Firing) -> str:
    rule = firing.rule
    note = f" ({rule.note})" if rule.note else ""
    series = "" if rule.series == "price" else f" {rule.series} {rule.window}".rstrip()
    passed = f"{DIRECTIONS[rule.condition]} {plain(firing.threshold)}: {plain(firing.value)}"
    return f"{rule.symbol}{series} is {passed}{note}"


def _slack(firing: Firing) -> dict[str, Any]:
    escaped = _words(firing).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped}


def _pagerduty(firing: Firing) -> dict[str, Any]:
    rule = firing.rule
    when = datetime.fromtimestamp(firing.event_time_us / 1_000_000, UTC)
    return {
        "event_action": "trigger",
        "dedup_key": firing.id,
        "payload": {
            "summary": _words(firing)[:SUMMARY_MAX],
            "source": "tapeflow",
            "severity": "info",
            "timestamp": when.isoformat(timespec="milliseconds"),
            "component": rule.symbol,
            "class": ALERT_TYPE,
            "custom_details": _plain(firing),
        },
    }
