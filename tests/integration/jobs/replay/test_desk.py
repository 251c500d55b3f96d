"""A desk's topic once more: a dry run writes nothing, a real one what the flow would have, and nobody is told again."""

import pytest
from redis import Redis

from flows.analytics_reading import SETTING_OF, desk_settings
from jobs.desk.verify import verify_desk
from runtime.settings.whole import Settings
from schemas.desk import DESK_KINDS, DeskKind
from tapeflow.cli import main
from tests.integration.flows.desk_feeding import MINUTE_US, Desk, rows_of

MONDAY_US = 1_760_313_600_000_000


def messages(settings: Settings) -> dict[bytes, bytes]:
    """Everything that Redis holds for people, byte by byte; other tests may have put something there before."""
    with Redis.from_url(settings.redis_url) as redis:
        return {key: redis.dump(key) for key in redis.keys("md:*")}


@pytest.mark.parametrize("kind", DESK_KINDS)
def test_figures_come_again_and_alerts_dont(
    kind: DeskKind, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    topic: str = getattr(settings, SETTING_OF[kind])
    told = messages(settings)
    desk = Desk(settings, kind, topic, 1)
    for minute in range(3):
        desk.send(200, MONDAY_US + minute * MINUTE_US, MINUTE_US, late_us=20_000_000)
    desk.send_raw(b"nonsense", MONDAY_US // 1000)
    desk.send(1, MONDAY_US + 10 * MINUTE_US, MINUTE_US)
    capsys.readouterr()
    assert main(["replay", "--kind", kind, "--dry-run"]) == 0
    dry = capsys.readouterr().out
    assert dry.startswith("602 read = ")
    assert "1 rejected" in dry
    own, table = desk_settings(settings, topic), f"{kind}_1m"
    assert rows_of(settings, f"SELECT count() FROM {{db}}.{table}") == [(0,)]
    assert main(["replay", "--kind", kind]) == 0
    assert capsys.readouterr().out == dry
    found = verify_desk(own, kind)
    assert found.compared > 3
    assert {each.table for each in found.differences} <= {"alerts"}, found.differences
    before = rows_of(settings, f"SELECT * FROM {{db}}.{table}_final ORDER BY ALL")
    assert main(["replay", "--kind", kind]) == 0
    assert rows_of(settings, f"SELECT * FROM {{db}}.{table}_final ORDER BY ALL") == before
    assert rows_of(settings, "SELECT count() FROM {db}.alerts") == [(0,)]
    assert messages(settings) == told
