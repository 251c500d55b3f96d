"""Sends price alerts to a webhook: signed, tried again where that helps, and kept as dead letters where it doesn't.

sinks.alerts calls it from a thread of its own. An alert that can't be delivered within its tries goes to the topic of
dead letters, and so do those of the next half minute. So a receiver that is away holds up no epoch for long and costs
no alert. After a crash an alert may be sent again: its id stands in the header ``X-Tapeflow-Id`` and in the body. The
signature is that of the body and the time, so a receiver can tell ours from others' and refuse old ones.
"""

import hashlib
import hmac
import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog

from schemas.alert_rules import Firing
from schemas.errors import SettingError
from sinks.webhook.payloads import WebhookFormat, payload

__all__ = ["WebhookOptions", "WebhookSender", "signature"]

TRIES: Final = 5
PAUSE_S: Final = 0.25
PAUSE_S_MAX: Final = 4.0
ANSWER_S: Final = 5.0
DOWN_S: Final = 30.0
"""A receiver that took nothing in all tries is left alone for so long, and alerts are kept meanwhile."""
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""

_log = structlog.get_logger()

Undelivered = Callable[[Firing, bytes, str], None]


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """``url``: http or https; ``secret``: signs, empty for none; ``routing_key``: of PagerDuty."""

    url: str
    form: WebhookFormat = "tapeflow"
    secret: str = ""
    routing_key: str = ""
    tries: int = TRIES


def signature(secret: str, sent_s: int, body: bytes) -> str:
    """What stands in X-Tapeflow-Signature: HMAC-SHA256 of the time, a point and the body."""
    signed = hmac.new(secret.encode(), f"{sent_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={sent_s},v1={signed}"


class WebhookSender:
    """Used by one thread. on_undelivered: takes an alert, its body and why; returns when it is kept.

    Raises SettingError for a URL that is none.
    """

    def __init__(
        self,
        options: WebhookOptions,
        on_undelivered: Undelivered,
        stop: threading.Event | None = None,
        *,
        clock: Callable[[], float] = time.time,
        pause_s: float = PAUSE_S,
    ) -> None:
        parts = urlsplit(options.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError("bad webhook", where="TAPEFLOW_ALERT_WEBHOOK_URL", mend="https://host/path is the form")
        self._options = options
        self._https, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._on_undelivered = on_undelivered
        self._stop = stop or threading.Event()
        self._clock = clock
        self._pause_s = pause_s
        self._down_until_s = 0.0
        self._connection: http.client.HTTPConnection | None = None

    def send(self, firings: Sequence[Firing]) -> None:
        """Returns when each is delivered or kept as a dead letter."""
        for firing in firings:
            body = payload(self._options.form, firing, self._options.routing_key)
            if why := self._deliver(firing, body):
                _log.warning("webhook_refused", alert=firing.id, why=why, next="the alert goes to the dead letters")
                self._on_undelivered(firing, body, why)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _deliver(self, firing: Firing, body: bytes) -> str:
        """Why it couldn't be delivered; empty when it was."""
        if time.monotonic() < self._down_until_s:
            return "the receiver took nothing a moment ago"
        pause_s, why = self._pause_s, ""
        for number in range(self._options.tries):
            if number and self._stop.wait(pause_s):
                return f"stopped after: {why}"
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
            try:
                status = self._post(firing, body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                why = f"{type(error).__name__}: {error}"
                continue
            if 200 <= status < 300:
                return ""
            why = f"HTTP {status}"
            if status not in AGAIN:
                return why
        self._down_until_s = time.monotonic() + DOWN_S
        return why

    def _post(self, firing: Firing, body: bytes) -> int:
        headers = {"Content-Type": "application/json", "User-Agent": "tapeflow", "X-Tapeflow-Id": firing.id}
        if self._options.secret:
            headers["X-Tapeflow-Signature"] = signature(self._options.secret, int(self._clock()), body)
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=ANSWER_S)
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status
