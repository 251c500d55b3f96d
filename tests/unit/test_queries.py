"""No query of ours filters a key column through the calendar of another time zone.

ClickHouse narrows such a filter by its index as if the zone were UTC, and loses whole granules of rows without a word
(ClickHouse issues 117696 and 121178; tests/integration/local/clickhouse/test_engine.py shows it). So a query compares
key columns with instants; where a calendar is wanted, it is applied to what was read, or in UTC.
"""

import ast
import re

from tests.unit.house import PACKAGES, ROOT

ZONE = re.compile(
    r"""\btoTimeZone\s*\(                                             # a zone by itself
    |\b(?:to(?:Date|Hour|Minute|Month|Quarter|Year|Day|Monday|Week|ISO|StartOf|LastDay|YYYY|Relative)\w*  # a calendar
    |dateTrunc|formatDateTime|date_trunc|timeSlot)\s*\([^()]*(?:\([^()]*\)[^()]*)*,\s*'(?!UTC')[A-Z]\w*/?\w*'\s*\)""",
    re.VERBOSE,
)


def zoned(sql: str) -> list[str]:
    return [found[0] for found in ZONE.finditer(sql)]


def texts() -> dict[str, str]:
    found = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "schemas").rglob("*.sql")}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            strings = [
                node.value
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            found[path.relative_to(ROOT).as_posix()] = "\n".join(strings)
    return found


def test_the_rule_knows_what_it_looks_for() -> None:
    assert zoned("WHERE toDayOfWeek(toTimeZone(start, 'America/New_York')) <= 5")
    assert zoned("WHERE toDate(start, 'Asia/Tokyo') = '2026-01-01'")
    assert zoned("WHERE toStartOfDay(max(start), 'Europe/Berlin') = 1")
    assert zoned("GROUP BY toStartOfInterval(start, toIntervalDay(1), 'Europe/Berlin')")
    assert not zoned("WHERE start >= toStartOfDay(max(start), 'UTC') AND toDayOfWeek(start) <= 5")
    assert not zoned("fromUnixTimestamp64Micro(toInt64(1), 'UTC')")


def test_no_query_applies_the_calendar_of_another_zone() -> None:
    wrong = {place: zoned(text) for place, text in texts().items() if zoned(text)}
    assert not wrong
