"""Publishes price alerts in Redis: into the event stream, once each, and the view of rules beside it.

sinks.alerts calls it from a thread of its own. An alert goes into the stream in the same step that notes it as the
last one of its shard, so what comes again after a crash adds nothing. A Redis that is down is waited for. Alerts come
in the order of sequence and place, which a restart doesn't change.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import Final

import msgspec
import redis

from kernels.decimal_text import plain
from runtime.outage import persist
from schemas.alert_rules import ALERT_TYPE, DIRECTIONS, Firing, PriceAlert
from schemas.channels import ENTRIES_KEPT
from schemas.errors import SettingError, TapeflowError, WriteFailed
from schemas.names import EVENTS_STREAM, PRICE_ALERTS_KEY, alert_rules_key, last_firings_key
from schemas.rule_view import KEEP_RULES, RuleView
from sinks.redis.connection import is_outage, open_client, place
from sinks.redis.refusals import NO_RIGHT

__all__ = ["PUBLISH_ALERTS", "AlertPublisher", "alert_data"]

PUBLISH_ALERTS: Final = files(__package__).joinpath("publish_alerts.lua").read_text("utf-8")
AT_ONCE: Final = 500
"""Alerts or rules in one call of a script: it takes a few milliseconds."""

_encoder = msgspec.json.Encoder()


def alert_data(firing: Firing) -> bytes:
    """``data`` of the event."""
    rule = firing.rule
    return _encoder.encode(
        PriceAlert(
            symbol=rule.symbol,
            price=_number(firing.price),
            alert_type=ALERT_TYPE,
            threshold=_number(firing.threshold),
            direction=DIRECTIONS[rule.condition],
            id=firing.id,
            rule=rule.id,
            sequence=firing.sequence,
            timestamp=firing.event_time_us // 1000,
            note=rule.note,
            series=rule.series,
            window=rule.window,
            value=_number(firing.value),
            basis=firing.basis,
        )
    )


def _number(value: int) -> msgspec.Raw:
    return msgspec.Raw(plain(value).encode())


class AlertPublisher:
    """Owns a connection; used by one thread at a time."""

    def __init__(self, url: str, stop: threading.Event | None = None) -> None:
        self._client = open_client(url)
        self._where = place(url)
        self._stop = stop or threading.Event()
        self._publish = self._client.register_script(PUBLISH_ALERTS)
        self._keep = self._client.register_script(KEEP_RULES)

    def publish(self, firings: Sequence[Firing]) -> None:
        """Add those that aren't in the stream yet; returns when Redis took all.

        Raises Unreachable when stopped while Redis is down, SettingError for a right that is missing, WriteFailed for
        any other refusal.
        """
        by_shard: dict[int, list[Firing]] = {}
        for firing in firings:
            by_shard.setdefault(firing.partition, []).append(firing)
        for shard, of_shard in by_shard.items():
            for first in range(0, len(of_shard), AT_ONCE):
                self._add(shard, of_shard[first : first + AT_ONCE])

    def keep(self, views: Sequence[RuleView]) -> None:
        """Write the view of rules; raises as ``publish``."""
        for first in range(0, len(views), AT_ONCE):
            group = views[first : first + AT_ONCE]
            arguments = [
                part for view in group for part in (alert_rules_key(view.user), view.id, view.version, view.text)
            ]
            self._persist(partial(self._keep, args=arguments))

    def close(self) -> None:
        self._client.close()

    def _add(self, shard: int, group: Sequence[Firing]) -> None:
        now_ms = time.time_ns() // 1_000_000
        arguments: list[str | int | bytes] = [shard, ENTRIES_KEPT]
        for firing in group:
            rule = firing.rule
            arguments += [
                firing.sequence, firing.place, last_firings_key(rule.user), rule.id, rule.user, rule.symbol, now_ms,
                alert_data(firing),
            ]  # fmt: skip
        self._persist(partial(self._publish, keys=[EVENTS_STREAM, PRICE_ALERTS_KEY], args=arguments))

    def _persist(self, call: Callable[[], object]) -> None:
        try:
            persist(call, server="redis", where=self._where, is_outage=is_outage, stop=self._stop)
        except redis.exceptions.RedisError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: redis.exceptions.RedisError) -> TapeflowError:
        said = " ".join(str(error).split())
        if isinstance(error, redis.exceptions.AuthenticationError):
            return SettingError("Redis refused the login", where=self._where, mend=f"set TAPEFLOW_REDIS_URL ({said})")
        if NO_RIGHT.search(said):
            return SettingError(
                "Redis refuses the price alerts of this login",
                where=self._where,
                mend=f"ACL SETUSER … ~md:* +evalsha +script|load +hget +hset +hdel +xadd ({said})",
            )
        return WriteFailed("Redis refused a price alert", where=self._where, mend=said)
