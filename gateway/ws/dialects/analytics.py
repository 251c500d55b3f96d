"""``/ws/analytics``: channels of routing, provider and exposure figures, and alerts.

Everything that goes out is a JSON array of ``{"type","timestamp","data"}`` with ISO 8601 times, errors and pongs as
well, so that a client needs one loop. ``data`` is what the channel's writer wrote, byte by byte.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from core.fanout.dialect import Command, Dialect, Ping, Problem, Subscribe, Unsubscribe
from core.fanout.messages import ChannelMessage
from gateway.messages.analytics import ANALYTICS, AnalyticsError, AnalyticsPong, AnalyticsProblem, NoData
from gateway.ws.dialects.words import encode, iso, read_object, shown, unknown_action
from schemas.channels import CHANNELS

__all__ = ["AnalyticsDialect"]


class AnalyticsDialect(Dialect):
    """Words: action = subscribe, unsubscribe, ping."""

    name: ClassVar[str] = ANALYTICS.name
    path: ClassVar[str] = ANALYTICS.path

    def parse(self, data: bytes) -> Sequence[Command]:
        message = read_object(data)
        if isinstance(message, Problem):
            return (message,)
        action = message.get("action")
        if action == "ping":
            return (Ping(),)
        if action not in ("subscribe", "unsubscribe"):
            return (unknown_action("action", action, "subscribe, unsubscribe, ping"),)
        given = message.get("channels")
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names:
            return (Problem("INVALID_MESSAGE", 'A list of channels is missing, e.g. "channels":["alerts"]'),)
        rooms = tuple(("channel", name) for name in CHANNELS if name in names)
        wrong = [shown(name) for name in names if name not in CHANNELS]
        commands: list[Command] = []
        if wrong:
            text = f"Invalid channel: {', '.join(wrong[:5])}. Valid: {', '.join(CHANNELS)}"
            commands.append(Problem("INVALID_CHANNEL", text))
        commands.append(Subscribe(rooms) if action == "subscribe" else Unsubscribe(rooms))
        return commands

    def error(self, problem: Problem, now_ms: int) -> bytes:
        data = AnalyticsProblem(code=problem.code, message=problem.text)
        return encode([AnalyticsError(timestamp=iso(now_ms), data=data)])

    def pong(self, ping: Ping, now_ms: int) -> bytes:  # noqa: ARG002
        return encode([AnalyticsPong(timestamp=iso(now_ms), data=NoData())])

    def batch(self, messages: Sequence[ChannelMessage]) -> bytes:
        return encode(
            [
                {"type": each.kind, "timestamp": iso(each.timestamp_ms), "data": msgspec.Raw(each.data)}
                for each in messages
            ]
        )
