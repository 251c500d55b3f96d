"""What a topic does with record timestamps that lie in the past: keep them, replace them, refuse or soon delete them.

``produce`` asks before it sends a recording under its trades' own times. A broker that can't be asked, such as the
embedded one, keeps every timestamp and deletes by size alone; a login that may not ask is told so.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from connectors.kafka.topic_config import topic_config
from schemas.errors import SettingError

__all__ = ["TopicTimes", "topic_times"]

DAY_MS: Final = 86_400_000
ALL_MS: Final = 2**63 - 1


class TopicTimes(NamedTuple):
    """``retention_ms``: after which records are deleted, ALL_MS for never; ``is_kept``: whether a record keeps the
    timestamp that it is sent with; ``before_ms_max``: older ones are refused."""

    retention_ms: int = ALL_MS
    is_kept: bool = True
    before_ms_max: int = ALL_MS
    is_known: bool = True

    def remark(self, topic: str, oldest_ms: int, now_ms: int) -> str:
        """What will happen to records as old as that, empty if nothing. Raises SettingError where they are refused."""
        age_ms = now_ms - oldest_ms
        if not self.is_kept:
            return f"topic {topic} puts its own time on records (LogAppendTime), not the trades'"
        if age_ms > self.before_ms_max:
            raise SettingError(
                f"topic {topic} refuses records older than {_days(self.before_ms_max)}",
                where="message.timestamp.before.max.ms of the topic",
                mend="raise it, or give --timestamps sent",
            )
        if age_ms > self.retention_ms:
            return (
                f"topic {topic} deletes records older than {_days(self.retention_ms)}, and these are {_days(age_ms)}"
                " old: set its retention.ms to -1, or give --timestamps sent"
            )
        if not self.is_known:
            return f"not allowed to ask how long topic {topic} keeps records: if it deletes by time, these go soon"
        return ""


def topic_times(
    bootstrap: str, topic: str, properties: Mapping[str, str | int | float | bool] | None = None
) -> TopicTimes:
    """Asks the broker; what it doesn't say is taken as harmless."""
    said, is_known = topic_config(bootstrap, topic, properties)
    if not said:
        return TopicTimes(is_known=is_known)
    deletes = "delete" in str(said.get("cleanup.policy", "delete"))
    retention_ms = int(said.get("retention.ms") or -1) if deletes else -1
    return TopicTimes(
        ALL_MS if retention_ms < 0 else retention_ms,
        said.get("message.timestamp.type") != "LogAppendTime",
        int(said.get("message.timestamp.before.max.ms") or ALL_MS),
    )


def _days(time_ms: int) -> str:
    days = time_ms / DAY_MS
    return f"{days:,.0f} days" if days >= 10 else f"{days:.1f} days"
