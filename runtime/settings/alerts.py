"""The settings of users' rules: their topic, and the webhook that is told what fires.

A part of runtime.settings.whole; everything said there of values and sources holds. The alerts flow and the gateway
are made from it.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import setting, urls
from schemas.names import ALERT_RULES_TOPIC

__all__ = ["AlertSettings"]


class AlertSettings(BaseSettings):
    """Where rules stand and who else is told."""

    alert_rules_topic: str = setting(
        ALERT_RULES_TOPIC,
        "Compacted topic of users' rules; what became of them stands in the one with .armed behind its name",
        pattern=r"^[A-Za-z0-9._-]{1,236}$",
    )
    alert_webhook_url: Annotated[str, AfterValidator(urls("http", "https"))] = setting(
        "", "Gets every price alert by POST, beside the users' event streams; empty means none", secret=True
    )
    alert_webhook_format: Literal["tapeflow", "slack", "pagerduty"] = setting(
        "tapeflow", "What is posted: the alert as clients get it, or what Slack's or PagerDuty's webhooks take"
    )
    alert_webhook_secret: str = setting(
        "", "Signs what is posted (X-Tapeflow-Signature, HMAC-SHA256); empty means unsigned", secret=True
    )
    alert_webhook_routing_key: str = setting("", "Routing key of a PagerDuty service", secret=True)
