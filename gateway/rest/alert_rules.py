"""``/api/alert-rules`` and ``/api/price-alerts``: rules of users, what they fired, and what they would have.

A rule is made, changed and taken back in the topic of rules; the answer comes when the brokers have it. The view in
Redis is what is read, and is written right after (schemas.rule_view). A user sees and changes only rules of the token's
userId, has at most so many of them, and of symbols that the token allows. Room for a new one is held in Redis before
it is written, so two gateways cannot overshoot. What fires is told by ``/api/events``, which looks at the token again.
"""

import asyncio
import time
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Final, cast
from uuid import uuid4

import msgspec

from core.alerts.preview import firings_of
from gateway.messages.values import MS_MAX, raw
from gateway.rest.alert_rule_operations import operations
from gateway.rest.body import json_body
from gateway.rest.endpoint import Call, Operation, check_symbol
from gateway.rest.errors import bad_request, not_found
from gateway.rest.limits import Limiter
from gateway.rest.reply import Reply, etag_of
from gateway.rest.rule_words import (
    TRADES_MAX,
    AlertRuleAnswer,
    AlertRuleBody,
    FiredAlert,
    PreviewAnswer,
    PreviewBody,
    PreviewFiring,
)
from gateway.stores.kafka_rules import RuleTopic
from gateway.stores.now import Now
from gateway.stores.price_alerts import FiredRow, PriceAlerts
from gateway.stores.redis_pool import Redis, names_of
from kernels.decimal_text import plain, texts_i128, units
from schemas.alert_rules import ALERT_TYPE, DIRECTIONS, RELATIVE, AlertRule, fault_of
from schemas.names import alert_rules_key, last_firings_key
from schemas.rule_view import KEEP_RULES

__all__ = ["AlertRules", "default_rearm"]

RESERVED_MS: Final = 60_000
PERCENT: Final = Decimal(1000)
"""The default rearm is the threshold divided by this."""
TICKS: Final = 2
HALVED: Final = frozenset({"rise", "fall", "volume", "trades"})
DISTANCES: Final = frozenset({"vwap", "high", "low"})
"""Series whose thresholds say how far from a price."""
PRICE_FIELDS: Final = ("price", "bid", "ask", "open", "high", "low")
RESERVE: Final = files(__package__).joinpath("reserve_rule.lua").read_text("utf-8")

_stored = msgspec.json.Decoder(AlertRule)
_event = msgspec.json.Decoder(FiredAlert)


class AlertRules:
    """Handlers of rules. rules_max: of one user."""

    def __init__(
        self, redis: Redis, now: Now, topic: RuleTopic, history: PriceAlerts, limiter: Limiter, rules_max: int
    ) -> None:
        self._redis = redis
        self._now = now
        self._topic = topic
        self._history = history
        self._limiter = limiter
        self._rules_max = rules_max
        self._reserve = redis.register_script(RESERVE)
        self._keep = redis.register_script(KEEP_RULES)

    def operations(self) -> tuple[Operation, ...]:
        return operations(self, self._rules_max)

    async def all(self, call: Call) -> Reply:
        user = call.principal.user_id
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hvals(alert_rules_key(user))
        pipeline.hgetall(last_firings_key(user))
        held, fired = await self._now.guard(pipeline.execute())
        rules = sorted((_stored.decode(text) for text in held), key=lambda each: (each.created_at, each.id))
        body = msgspec.json.encode([_answer(rule, fired.get(rule.id.encode())) for rule in rules])
        return Reply(body, etag=etag_of(body))

    async def one(self, call: Call) -> Reply:
        rule = await self._held(call)
        fired = cast("bytes | None", await self._now.guard(self._redis.hget(last_firings_key(rule.user), rule.id)))
        body = msgspec.json.encode(_answer(rule, fired))
        return Reply(body, etag=etag_of(body))

    async def create(self, call: Call) -> Reply:
        body = await json_body(call, AlertRuleBody)
        now_ms = time.time_ns() // 1_000_000
        rule = await self._rule(call, body, uuid4().hex, 1, now_ms)
        kept = alert_rules_key(call.principal.user_id)
        making = names_of(self._redis).beside(kept, f"{kept}:making")
        arguments: list[str | int] = [rule.id, self._rules_max, now_ms, RESERVED_MS]
        if not await self._now.guard(self._reserve(keys=[kept, making], args=arguments)):
            raise bad_request(f"A user has at most {self._rules_max} rules", rulesMax=self._rules_max)
        try:
            await self._write(rule)
        finally:
            await self._now.guard(self._redis.zrem(making, rule.id))
        location = b"/api/alert-rules/" + rule.id.encode()
        return Reply(msgspec.json.encode(_answer(rule, None)), 201, headers=[(b"location", location)])

    async def replace(self, call: Call) -> Reply:
        body = await json_body(call, AlertRuleBody)
        old = await self._held(call)
        rule = await self._rule(call, body, old.id, old.version + 1, old.created_at)
        await self._write(rule)
        return Reply(msgspec.json.encode(_answer(rule, None)))

    async def delete(self, call: Call) -> Reply:
        rule = await self._held(call)
        await self._topic.put(rule.id, None)
        await self._show(rule, b"")
        await self._now.guard(self._redis.hdel(last_firings_key(rule.user), rule.id))
        return Reply(b"", 204)

    async def preview(self, call: Call) -> Reply:
        body = await json_body(call, PreviewBody)
        if body.start_time > body.end_time:
            raise bad_request("startTime is after endTime", field="startTime")
        rule = await self._rule(call, body, "preview", 1, 0)
        low_us, high_us = body.start_time * 1000, body.end_time * 1000 + 999
        async with self._limiter.history(call.client):
            rows = await self._history.trades(rule.symbol, low_us, high_us, TRADES_MAX + 1)
        complete, rows = len(rows) <= TRADES_MAX, rows[:TRADES_MAX]

        def run() -> list[PreviewFiring]:
            times_us = [row.event_time_us for row in rows]
            prices, sizes = [units(row.price) for row in rows], [units(row.size) for row in rows]
            fired = firings_of(msgspec.json.encode(rule), rule.symbol, times_us, prices, sizes)
            shown = zip(
                fired["sequence"].tolist(), fired["event_time_us"].tolist(),
                texts_i128(fired["price_hi"], fired["price_lo"]), texts_i128(fired["value_hi"], fired["value_lo"]),
                strict=True,
            )  # fmt: skip
            return [
                PreviewFiring(time_us // 1000, raw(price), rows[at].sequence, raw(value))
                for at, time_us, price, value in shown
            ]

        firings = await asyncio.to_thread(run)
        until = body.end_time if complete else rows[-1].event_time_us // 1000
        return Reply(msgspec.json.encode(PreviewAnswer(firings, len(rows), complete, until)))

    async def fired(self, call: Call) -> Reply:
        query = call.query
        low_ms, high_ms = query.start_time or 0, MS_MAX if query.end_time is None else query.end_time
        async with self._limiter.history(call.client):
            rows = await self._history.fired(call.principal.user_id, low_ms * 1000, high_ms * 1000 + 999, query.limit)
        body = msgspec.json.encode([_alert(row) for row in rows if call.principal.may_see(row.symbol)])
        return Reply(body, etag=etag_of(body))

    async def _held(self, call: Call) -> AlertRule:
        text = await self._now.guard(self._redis.hget(alert_rules_key(call.principal.user_id), call.path["id"]))
        if text is None:
            raise not_found("No such rule", id=call.path["id"][:64])
        return _stored.decode(text)

    async def _rule(self, call: Call, body: AlertRuleBody, rule_id: str, version: int, created_at: int) -> AlertRule:
        """The rule as asked; raises ApiError where it is no good or of a foreign symbol."""
        check_symbol(body.symbol, call.principal)
        threshold = _digits(body.threshold, "threshold")
        if isinstance(body.rearm, msgspec.UnsetType):
            ticker = await self._now.ticker(body.symbol)
            rearm = default_rearm(body.series, "0" if body.condition in RELATIVE else threshold, ticker)
        else:
            rearm = _digits(body.rearm, "rearm")
        rule = AlertRule(
            rule_id, call.principal.user_id, body.symbol, body.condition, threshold, body.repeat, rearm,
            body.cooldown_ms, body.expires_at, body.note, version, created_at, time.time_ns() // 1_000_000, body.series,
            body.window,
        )  # fmt: skip
        if fault := fault_of(rule):
            raise bad_request(fault, field=fault.partition(" ")[0])
        return rule

    async def _write(self, rule: AlertRule) -> None:
        text = msgspec.json.encode(rule)
        await self._topic.put(rule.id, text)
        await self._show(rule, text)

    async def _show(self, rule: AlertRule, text: bytes) -> None:
        view: list[str | int | bytes] = [alert_rules_key(rule.user), rule.id, rule.version, text]
        await self._now.guard(self._keep(args=view))


def default_rearm(series: str, threshold: str, ticker: bytes | None) -> str:
    """Of a price 0.1 % and at least two ticks; a tick is one of the last digit that the symbol's prices have. Of a
    distance from a price likewise, by the last price; of a share or multiple the half; silence has to end."""
    if series in HALVED:
        return plain(max(units(threshold) // 2, 1))
    if series == "silence":
        return threshold
    places = max(0, -_exponent(threshold))
    if ticker is not None:
        shown = msgspec.json.decode(ticker, type=dict[str, msgspec.Raw])
        numbers = [bytes(shown[name]).decode() for name in PRICE_FIELDS if name in shown]
        places = max([places, *(-_exponent(number) for number in numbers if number != "null")])
        if series in DISTANCES and "price" in shown:
            threshold = bytes(shown["price"]).decode()
    share = units(threshold) / PERCENT
    least = TICKS * 10 ** (10 - min(places, 10)) if ticker is not None else 1
    return plain(max(int(share) + (share != int(share)), least))


def _exponent(number: str) -> int:
    exponent = Decimal(number).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _digits(number: msgspec.Raw, field: str) -> str:
    """The decimal that a JSON number, or text of one, holds, in plain digits; raises ApiError."""
    text = bytes(number).decode().strip('"')
    try:
        return plain(units(text))
    except (InvalidOperation, ValueError, OverflowError):
        raise bad_request("Not a decimal of at most 10 places", field=field) from None


def _answer(rule: AlertRule, fired: bytes | None) -> AlertRuleAnswer:
    return AlertRuleAnswer(
        id=rule.id,
        symbol=rule.symbol,
        condition=rule.condition,
        threshold=raw(rule.threshold),
        repeat=rule.repeat,
        rearm=raw(rule.rearm),
        cooldown_ms=rule.cooldown_ms,
        expires_at=rule.expires_at_ms,
        note=rule.note,
        version=rule.version,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
        series=rule.series,
        window=rule.window,
        last_fired=None if fired is None else _event.decode(fired),
    )


def _alert(row: FiredRow) -> FiredAlert:
    return FiredAlert(
        symbol=row.symbol,
        price=raw(plain(units(row.price))),
        alert_type=ALERT_TYPE,
        threshold=raw(plain(units(row.threshold))),
        direction=DIRECTIONS[row.condition],
        id=row.id,
        rule=row.rule_id,
        sequence=row.sequence,
        timestamp=row.event_time_us // 1000,
        note=row.note,
        series=row.series,
        window=row.window,
        value=raw(plain(units(row.value))),
    )
