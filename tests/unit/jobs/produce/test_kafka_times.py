"""What is said of a topic before records with old timestamps go out."""

import pytest

from jobs.produce.kafka_times import DAY_MS, TopicTimes
from schemas.errors import SettingError

NOW_MS = 1_800_000_000_000


def said(times: TopicTimes, days_old: float) -> str:
    return times.remark("trades", NOW_MS - int(days_old * DAY_MS), NOW_MS)


def test_a_topic_that_keeps_everything_needs_no_remark() -> None:
    assert said(TopicTimes(), 20_000) == ""
    assert said(TopicTimes(retention_ms=7 * DAY_MS), 6.9) == ""


def test_what_will_be_deleted_is_said_with_both_ages() -> None:
    line = said(TopicTimes(retention_ms=7 * DAY_MS), 400)
    assert "deletes records older than 7.0 days, and these are 400 days old" in line
    assert "--timestamps sent" in line


def test_a_topic_with_times_of_its_own_is_said() -> None:
    assert "LogAppendTime" in said(TopicTimes(is_kept=False, retention_ms=DAY_MS), 400)


def test_a_topic_that_would_refuse_them_is_an_error() -> None:
    with pytest.raises(SettingError, match="refuses records older than 30 days"):
        said(TopicTimes(before_ms_max=30 * DAY_MS), 31)


def test_what_may_not_be_asked_is_said() -> None:
    assert "not allowed to ask" in said(TopicTimes(is_known=False), 1)
