"""``/api/alerts``: a desk's alerts, those of the channel ``alerts``, found by what they are and acknowledged by role.

Whoever may join the channel may read them, those about a symbol where the token allows it; the setting names roles that
may acknowledge. That somebody did is written
down in ClickHouse before it is answered, and then goes out as any state of an alert: once, to ``/ws/analytics`` and to
the event stream. States only rise, so asking again, or of one that is resolved, changes nothing.
"""

from typing import Final

import msgspec

from gateway.rest.desk_figures import check_channel
from gateway.rest.desk_words import AlertAnswer, AlertsQuery
from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request, forbidden, not_found
from gateway.rest.limits import Limiter
from gateway.rest.paging import next_page, place_of, read_place
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import read_range
from gateway.stores.desk_alerts import FILTERS, AlertPlace, AlertRow, DeskAlerts
from gateway.stores.now import Now
from gateway.stores.redis_pool import Redis, names_of
from schemas.alert_states import ACKNOWLEDGED, OPEN, RESOLVED, STATE_RANKS
from schemas.alert_stream import ADD_ALERTS, alert_arguments, symbols_of
from schemas.channels import ALERTS
from schemas.desk import DeskAlert
from schemas.names import ALERTS_SENT_KEY, EVENTS_STREAM

__all__ = ["Alerts"]

BASIS: Final = "user"
EXAMPLE: Final = {
    "id": "exposure:total:warning:0-812",
    "timestamp": 1767225600123,
    "severity": "warning",
    "category": "exposure",
    "title": "Exposure is warning",
    "message": "The gross exposure is 820000 of a limit of 1000000",
    "source": "analytics",
    "actionItems": ["Review positions", "Consider hedging"],
    "state": "open",
    "stateSince": 1767225600123,
    "stateBy": "",
}


class Alerts:
    """Handlers of alerts. roles: those that may acknowledge, None where nobody has one."""

    def __init__(
        self, redis: Redis, now: Now, alerts: DeskAlerts, limiter: Limiter, roles: frozenset[str] | None
    ) -> None:
        self._now = now
        self._alerts = alerts
        self._limiter = limiter
        self._roles = roles
        self._add = redis.register_script(ADD_ALERTS)
        self._told = [EVENTS_STREAM, names_of(redis).beside(EVENTS_STREAM, ALERTS_SENT_KEY)]

    def operations(self) -> tuple[Operation, ...]:
        one = "/api/alerts/{alert:path}"
        return (
            Operation(
                "GET",
                "/api/alerts",
                self.all,
                "getAlerts",
                "alerts",
                "A desk's alerts",
                list[AlertAnswer],
                query=AlertsQuery,
                example=[EXAMPLE],
                headers=("X-Next-Cursor", "Link"),
                tagged=True,
                watched=True,
                description="Newest first, or by order=asc oldest first, with the state that each has now. A full page "
                "has the headers X-Next-Cursor and Link.",
            ),
            Operation(
                "POST",
                one + "/acknowledge",
                self.acknowledge,
                "acknowledgeAlert",
                "alerts",
                "Say that somebody looks after an alert",
                AlertAnswer,
                example={**EXAMPLE, "state": ACKNOWLEDGED, "stateSince": 1767225660456, "stateBy": "anna"},
                description="For roles that the gateway's setting names. It is written down before it is answered, and "
                "told in the channel alerts. States only rise: asked again, or of one that is resolved, nothing "
                "changes, and the answer says how it is.",
            ),
            Operation(
                "GET", one, self.one, "getAlert", "alerts", "One alert", AlertAnswer, example=EXAMPLE, tagged=True
            ),
        )

    async def all(self, call: Call) -> Reply:
        check_channel(call, ALERTS)
        query: AlertsQuery = call.query
        low_ms, high_ms, forward = read_range(query)
        asked = {name: getattr(query, name) for name in FILTERS}
        wanted = {name: words.split(",") for name, words in asked.items() if words is not None}
        if unknown := set(wanted.get("state", ())) - STATE_RANKS.keys():
            raise bad_request(f"A state is one of {', '.join(STATE_RANKS)}", parameter="state", unknown=sorted(unknown))
        beyond = read_place(query.cursor, AlertPlace)
        async with self._limiter.history(call.client):
            rows = await self._alerts.find(low_ms, high_ms, query.limit, wanted, beyond, forward=forward)
        headers = next_page(call, place_of(rows[-1].time_ms, rows[-1].id)) if len(rows) == query.limit else []
        if query.order == "asc" and query.start_time is None:
            rows.reverse()
        body = msgspec.json.encode([_answer(row) for row in rows if _sees(call, row)])
        return Reply(body, etag=etag_of(body), headers=headers)

    async def one(self, call: Call) -> Reply:
        check_channel(call, ALERTS)
        body = msgspec.json.encode(_answer(await self._row(call)))
        return Reply(body, etag=etag_of(body))

    async def acknowledge(self, call: Call) -> Reply:
        check_channel(call, ALERTS)
        if self._roles is not None and call.principal.role not in self._roles:
            raise forbidden("The token's role may not acknowledge alerts", role=call.principal.role)
        row = await self._row(call)
        if row.state == OPEN:
            await self._alerts.say(row.id, ACKNOWLEDGED, call.now_us // 1000, call.principal.user_id)
            row = await self._row(call)  # it may have been resolved, or acknowledged by another, at that moment
        if row.state != RESOLVED:
            # Also of one that was acknowledged before, whose message may have failed: the script knows whether it went.
            told = DeskAlert(
                row.id, row.state, row.state_time_ms * 1000, row.severity, row.category, row.title, row.message,
                row.source, tuple(row.actions), BASIS, row.by, symbols_of(row.id),
            )  # fmt: skip
            await self._now.guard(self._add(keys=self._told, args=alert_arguments([told])))
        return Reply(msgspec.json.encode(_answer(row)))

    async def _row(self, call: Call) -> AlertRow:
        async with self._limiter.history(call.client):
            row = await self._alerts.one(call.path["alert"])
        if row is None:
            raise not_found("No such alert", id=call.path["alert"][:256])
        if not _sees(call, row):
            raise forbidden("The token does not give access to the symbol of this alert")
        return row


def _sees(call: Call, row: AlertRow) -> bool:
    return all(call.principal.may_see(symbol) for symbol in symbols_of(row.id))


def _answer(row: AlertRow) -> AlertAnswer:
    return AlertAnswer(
        id=row.id,
        timestamp=row.time_ms,
        severity=row.severity,
        category=row.category,
        title=row.title,
        message=row.message,
        source=row.source,
        action_items=list(row.actions),
        state=row.state,  # type: ignore[arg-type]  # the writers know these three alone
        state_since=row.state_time_ms,
        state_by=row.by if row.state != OPEN else "",
    )
