"""Alerts of a desk in ClickHouse: those that were opened, with the newest state of each, and what somebody said of one.

REST handlers ask, clickhouse.py runs. An alert without a state is open. States only rise: of what is written of one
alert the greatest rank holds, in whichever order it comes.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from gateway.stores.clickhouse import ClickHouse
from schemas.alert_states import OPEN, STATE_RANKS
from schemas.contract import YEAR_2300_US
from schemas.names import ALERT_STATES_TABLE, ALERT_STATES_VIEW, ALERTS_VIEW

__all__ = ["FILTERS", "AlertPlace", "AlertRow", "DeskAlerts"]

TIME_MS_MAX: Final = YEAR_2300_US // 1000 - 1000
FILTERS: Final = {
    "severity": "toString(severity)",
    "category": "toString(category)",
    "source": "toString(source)",
    "state": "state_now",
}
"""What alerts are chosen by, as the query has it."""
AlertPlace = tuple[Annotated[int, Meta(ge=0, lt=1 << 62)], str]
"""When an alert was opened, in ms, and its id."""

ALERTS_SQL: Final = f"""
SELECT toUnixTimestamp64Milli(alert.time), alert.id, toString(alert.severity), toString(alert.category), alert.title,
       alert.message, toString(alert.source), alert.actions, if(told.state = '', '{OPEN}', told.state) AS state_now,
       if(told.state = '', toUnixTimestamp64Milli(alert.time), told.time_ms), told.by
FROM {{db}}.{ALERTS_VIEW} AS alert
LEFT JOIN (
    SELECT id, toString(state) AS state, toUnixTimestamp64Milli(time) AS time_ms, by FROM {{db}}.{ALERT_STATES_VIEW}
) AS told ON told.id = alert.id
WHERE {{WHERE}}
ORDER BY alert.time {{DESC}}, alert.id {{DESC}} LIMIT %(limit)s"""  # noqa: S608 - names of ours; values are escaped
IN_RANGE: Final = (
    "alert.time BETWEEN fromUnixTimestamp64Milli(toInt64(%(low)s), 'UTC')"
    " AND fromUnixTimestamp64Milli(toInt64(%(high)s), 'UTC')"
)
BEYOND: Final = (
    " AND (toUnixTimestamp64Milli(alert.time), alert.id) {BEYOND} (toInt64(%(beyond_ms)s), toString(%(beyond_id)s))"
)
STATE_SQL: Final = f"INSERT INTO {{db}}.{ALERT_STATES_TABLE} (id, state, time, by, rank) VALUES"


class AlertRow(NamedTuple):
    """state_time_ms, by: when the state began and who or what said so."""

    time_ms: int
    id: str
    severity: str
    category: str
    title: str
    message: str
    source: str
    actions: Sequence[str]
    state: str
    state_time_ms: int
    by: str


class DeskAlerts:
    """Queries of one database."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def find(
        self,
        low_ms: int,
        high_ms: int,
        limit: int,
        wanted: Mapping[str, Sequence[str]],
        beyond: AlertPlace | None = None,
        *,
        forward: bool = False,
    ) -> list[AlertRow]:
        """The newest alerts opened within [low_ms, high_ms] before ``beyond``, newest first; ``forward``: the first
        ones after it. wanted: by key of FILTERS, the words of which one fits."""
        where = IN_RANGE + "".join(f" AND {FILTERS[name]} IN %(wanted_{name})s" for name in wanted)
        given: dict[str, object] = {f"wanted_{name}": list(words) for name, words in wanted.items()}
        given |= {"low": low_ms, "high": min(high_ms, TIME_MS_MAX), "limit": limit}
        if beyond is not None:
            where += BEYOND.replace("{BEYOND}", ">" if forward else "<")
            given |= {"beyond_ms": beyond[0], "beyond_id": beyond[1]}
        return await self._rows(where, given, forward=forward)

    async def one(self, alert_id: str) -> AlertRow | None:
        """Of several that were opened under one id, the last."""
        rows = await self._rows("alert.id = %(id)s", {"id": alert_id, "limit": 1}, forward=False)
        return rows[0] if rows else None

    async def say(self, alert_id: str, state: str, time_ms: int, by: str) -> None:
        """Writes a state down; it holds unless a higher one was told."""
        time = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)
        columns: list[list[Any]] = [[alert_id], [state], [time], [by], [STATE_RANKS[state]]]
        await self._clickhouse.insert(STATE_SQL, columns)

    async def _rows(self, where: str, given: dict[str, object], *, forward: bool) -> list[AlertRow]:
        sql = ALERTS_SQL.replace("{WHERE}", where).replace("{DESC}", "ASC" if forward else "DESC")
        return [AlertRow(*row) for row in zip(*await self._clickhouse.select(sql, given), strict=True)]
