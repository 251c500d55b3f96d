"""Mutants of core/fanout: what a client of the gateway is sent, what it may see, and what it costs."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

HUB: Final = "core/fanout/hub.py"
DELIVERY: Final = "core/fanout/delivery.py"
ROOMS: Final = "core/fanout/rooms.py"
BAR_ROOMS: Final = "core/fanout/bar_rooms.py"
BUCKET: Final = "schemas/token_bucket.py"
MESSAGES: Final = "core/fanout/messages.py"
REGISTRY: Final = "core/fanout/registry.py"

MUTANTS: Final = (
    Mutant(
        "rest-with-a-hole",
        ROOMS,
        "newer[-1].link == self.sequence",
        "True",
        "who comes to a symbol that nobody followed gets a state that lacks messages",
    ),
    Mutant(
        "symbols-max",
        HUB,
        "len(client.symbols) >= self.limits.symbols_max",
        "len(client.symbols) > self.limits.symbols_max",
        "a client may have one symbol more than its limit",
    ),
    Mutant(
        "foreign-symbols",
        HUB,
        "elif not client.may_see(key[1]):",
        "elif False:",
        "a client sees symbols that its token doesn't name",
    ),
    Mutant(
        "new-epoch-below-the-floor",
        HUB,
        "room.floor = room.sequence = -1",
        "room.sequence = -1",
        "after Redis was emptied a client waits for ever for its ticker",
    ),
    Mutant(
        "hole-in-an-unknown-shard",
        HUB,
        "room.shard in (shard, -1)",
        "room.shard == shard",
        "after a hole in a stream a client goes on with a wrong state",
    ),
    Mutant(
        "alerts-of-a-pause",
        HUB,
        "self.limits.paused_max if room.lossless else self.limits.buffer",
        "self.limits.buffer",
        "alerts of a pause are lost",
    ),
    Mutant(
        "void-answer-for-bars",
        HUB,
        "        if load.generation != self.generation:\n            self._want(room, load.bars)",
        "        if False:\n            self._want(room, load.bars)",
        "bars that were read before Redis was emptied are sent",
    ),
    Mutant(
        "held-client-pays-nothing",
        DELIVERY,
        "                client.budget += count\n",
        "",
        "a client that was held back stays so for longer than its rate says",
    ),
    Mutant(
        "ahead-of-this-gateway",
        DELIVERY,
        "if lag >= 0 and room.awaits(lag) and now_ms",
        "if False and now_ms",
        "a client that comes from another gateway gets an older state than it has",
    ),
    Mutant(
        "backlog-bound",
        DELIVERY,
        "while len(client.backlog) > self.limits.buffer:",
        "while len(client.backlog) >= self.limits.buffer:",
        "a slow client is closed one message too soon",
    ),
    Mutant(
        "alerts-are-dropped",
        DELIVERY,
        "isinstance(room, ChannelRoom) and not room.lossless",
        "isinstance(room, ChannelRoom)",
        "a slow client loses alerts in silence",
    ),
    Mutant(
        "another-users-message",
        DELIVERY,
        "if message.user and message.user != client.user_id:",
        "if message.user and not client.user_id:",
        "a client gets what is meant for another user",
    ),
    Mutant(
        "message-of-a-foreign-symbol",
        DELIVERY,
        "not message.symbols or any(map(client.may_see, message.symbols))",
        "True",
        "a client gets messages about symbols that its token doesn't name",
    ),
    Mutant(
        "hole-in-a-ticker",
        ROOMS,
        "if not whole and message.previous != self.sequence:",
        "if False:",
        "a delta is applied to another state than it was made from",
    ),
    Mutant(
        "ticker-twice",
        ROOMS,
        "if message.sequence <= self.sequence:",
        "if message.sequence < self.sequence:",
        "a client is sent a message twice",
    ),
    Mutant(
        "load-at-the-floor",
        ROOMS,
        "if snapshot.sequence < self.floor:",
        "if snapshot.sequence <= self.floor:",
        "a client waits for its ticker until the next trade",
    ),
    Mutant(
        "snapshot-at-the-floor",
        ROOMS,
        "if message.sequence < self.floor:",
        "if message.sequence <= self.floor:",
        "a client waits for its ticker although the stream has it whole",
    ),
    Mutant(
        "chain-with-a-hole",
        ROOMS,
        "if message.link != self.sequence:",
        "if False:",
        "a ticker is made of deltas between which one is missing",
    ),
    Mutant(
        "resume-over-a-hole",
        ROOMS,
        "first == len(self.history) or self.history[first].link != sequence",
        "first == len(self.history)",
        "a client that resumes lacks a message",
    ),
    Mutant(
        "bars-that-nobody-asked-for",
        BAR_ROOMS,
        " if count else []",
        "",
        "a client that asks for no initial bars gets all",
    ),
    Mutant(
        "bar-update-early",
        BAR_ROOMS,
        "now_ms - self.updated_ms >= update_ms",
        "now_ms - self.updated_ms > update_ms",
        "open bars are sent a flush later than their rate",
    ),
    Mutant(
        "last-state-before-the-next-bar",
        BAR_ROOMS,
        "            self.finals.append(last)\n",
        "            pass\n",
        "the last state of a bar is missing when the next begins",
    ),
    Mutant(
        "revisions-in-the-view-of-ends",
        BAR_ROOMS,
        "not (is_old and bar.revision > 0)",
        "not (is_old and bar.revision > 1)",
        "a client that asked for ends gets revisions",
    ),
    Mutant(
        "owed-bars",
        BAR_ROOMS,
        "len(self.starts) - bisect_left(self.starts, start_ms)",
        "len(self.starts) - bisect_left(self.starts, start_ms) - 1",
        "of the bars that ended in a gap the oldest is missing",
    ),
    Mutant(
        "bucket-without-a-bottom",
        BUCKET,
        "min(self.burst, self.left",
        "max(0, self.left",
        "a client that was quiet may send without a limit",
    ),
    Mutant(
        "closing-bar-is-not-newer",
        MESSAGES,
        "(self.sequence, self.final) > (other.sequence, other.final)",
        "self.sequence > other.sequence",
        "a client never learns that a bar is final",
    ),
    Mutant(
        "previous-of-zero",
        MESSAGES,
        'head.type == "delta" and head.previous is not None',
        'head.type == "delta" and head.previous',
        "the delta after the log's first trade is lost",
    ),
    Mutant(
        "histories-beyond-their-limit",
        REGISTRY,
        "held > self._history_bytes_max",
        "held >= self._history_bytes_max",
        "clients can resume over less than the setting says",
    ),
)
