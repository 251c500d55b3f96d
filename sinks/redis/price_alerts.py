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
from typing import Any, Final

import msgspec
import redis
from redis.commands.core import Script

from kernels.decimal_text import plain
from schemas.alert_rules import ALERT_TYPE, DIRECTIONS, Firing, PriceAlert
from schemas.channels import ENTRIES_KEPT
from schemas.errors import SettingError, TapeflowError, WriteFailed
from schemas.names import EVENTS_STREAM, PRICE_ALERTS_KEY, alert_rules_key, last_firings_key
from schemas.rule_view import KEEP_RULES, RuleView
from sinks.redis.refusals import NO_RIGHT
from sinks.redis.scripted import Scripted

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
        self._redis = Scripted(url, stop)
        self._publish = self._redis.script(PUBLISH_ALERTS)
        self._keep = self._redis.script(KEEP_RULES)
        self._keys = [EVENTS_STREAM, self._redis.names.beside(EVENTS_STREAM, PRICE_ALERTS_KEY)]

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
            by_key: dict[str, list[str | int | bytes]] = {}
            for view in views[first : first + AT_ONCE]:
                key = alert_rules_key(view.user)
                together = by_key.setdefault(key if self._redis.names.clustered else "", [])
                together += [key, view.id, view.version, view.text]
            for key, arguments in by_key.items():
                self._run(self._keep, [key] if key else [], arguments)

    def close(self) -> None:
        self._redis.close()

    def _add(self, shard: int, group: Sequence[Firing]) -> None:
        now_ms = time.time_ns() // 1_000_000
        arguments: list[str | int | bytes] = [shard, ENTRIES_KEPT, int(not self._redis.names.clustered)]
        for firing in group:
            rule = firing.rule
            arguments += [
                firing.sequence, firing.place, last_firings_key(rule.user), rule.id, rule.user, rule.symbol, now_ms,
                alert_data(firing),
            ]  # fmt: skip
        self._run(self._publish, self._keys, arguments)
        if self._redis.names.clustered:
            self._note(group)

    def _note(self, group: Sequence[Firing]) -> None:
        """The last firing of each rule, whose key lies elsewhere in a cluster; the same again changes nothing."""
        by_key: dict[str, dict[Any, Any]] = {}
        for firing in group:
            by_key.setdefault(last_firings_key(firing.rule.user), {})[firing.rule.id] = alert_data(firing)
        for key, last in by_key.items():
            self._persist(partial(self._redis.client.hset, key, mapping=last))

    def _run(self, script: Script, keys: list[str], arguments: Sequence[str | int | bytes]) -> None:
        self._persist(partial(script, keys, arguments))

    def _persist(self, call: Callable[[], object]) -> None:
        try:
            self._redis.wait_for(call)
        except redis.exceptions.RedisError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: redis.exceptions.RedisError) -> TapeflowError:
        said = " ".join(str(error).split())
        where = self._redis.where
        if isinstance(error, redis.exceptions.AuthenticationError):
            return SettingError("Redis refused the login", where=where, mend=f"set TAPEFLOW_REDIS_URL ({said})")
        if NO_RIGHT.search(said):
            return SettingError(
                "Redis refuses the price alerts of this login",
                where=where,
                mend=f"ACL SETUSER … ~md:* +evalsha +script|load +hget +hset +hdel +xadd ({said})",
            )
        return WriteFailed("Redis refused a price alert", where=where, mend=said)
