"""Users' rules as their topic has them, and which partition's trades each is met by.

One for all alert steps of a process. It reads the topic ``alert-rules`` whole, wherever a rule's record lies: which
partition a symbol trades in is known only by its trades, however their producer deals them out. A step claims the
symbols that it has trades of and gets their rules, then what changes about them. A record that is no rule is counted
and logged, and stays without effect.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from connectors.kafka.compacted import CompactedTopic, Entry
from flows.alert_metrics import AlertMetrics
from kernels.symbols import is_symbol
from schemas.alert_rules import AlertRule, fault_of
from schemas.rule_view import RuleView

__all__ = ["Changes", "RuleStore"]

LOOK_S: Final = 0.05
"""How often the topic is asked for changes; a person doesn't notice."""

_log = structlog.get_logger()
_rules = msgspec.json.Decoder(AlertRule)


class Changes(NamedTuple):
    """For one partition: rules that are new or newer, as their topic has them, and ids of rules that went."""

    rules: Sequence[bytes]
    gone: Sequence[str]


class _Kept(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    user: str
    version: int
    text: bytes


class RuleStore:
    """``open_topic``: called at the first use. keeps_views: whether this process writes what others see of rules."""

    def __init__(
        self,
        open_topic: Callable[[], CompactedTopic],
        metrics: AlertMetrics,
        *,
        keeps_views: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_topic = open_topic
        self._topic: CompactedTopic | None = None
        self._keeps_views = keeps_views
        self._clock = clock
        self._looked_s = 0.0
        self._rules: dict[str, _Kept] = {}
        self._by_symbol: defaultdict[str, set[str]] = defaultdict(set)
        self._owners: dict[str, int] = {}
        self._inbox: dict[int, dict[str, bytes | None]] = {}
        self._views: list[RuleView] = []
        self._metrics = metrics

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._rules

    def __len__(self) -> int:
        return len(self._rules)

    def owner_of(self, rule_id: str) -> int | None:
        """The partition that has claimed a rule's symbol; None where there is none, or no such rule."""
        kept = self._rules.get(rule_id)
        return None if kept is None else self._owners.get(kept.symbol)

    def open(self) -> None:
        """Read all there is, once; waits for it."""
        if self._topic is None:
            began_s = self._clock()
            self._topic = self._open_topic()
            for entry in self._topic.read():
                self._take(entry)
            _log.info("alert_rules_loaded", rules=len(self._rules), took_s=round(self._clock() - began_s, 1))

    def look(self) -> None:
        """Take in what has changed, if the last look was LOOK_S ago."""
        now_s = self._clock()
        if self._topic is None or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        for entry in self._topic.changes():
            self._take(entry)

    def claim(self, symbols: Iterable[str], partition: int, known: Callable[[str], int] = lambda _id: 0) -> list[bytes]:
        """The rules of symbols that ``partition`` has trades of; the first that claims one has it.

        known: the version of a rule that is there already, 0 for none; only newer ones are given.
        """
        found: list[bytes] = []
        for symbol in symbols:
            if self._owners.setdefault(symbol, partition) == partition:
                kept = [(rule_id, self._rules[rule_id]) for rule_id in self._by_symbol.get(symbol, ())]
                found += [rule.text for rule_id, rule in kept if rule.version > known(rule_id)]
        return found

    def changes(self, partition: int) -> Changes:
        """What came for the claimed symbols of ``partition`` since the last call."""
        inbox = self._inbox.pop(partition, {})
        rules = [text for text in inbox.values() if text is not None]
        return Changes(rules, [rule_id for rule_id, text in inbox.items() if text is None])

    def take_views(self) -> list[RuleView]:
        """What others are to see of rules since the last call, where this process tells them."""
        views, self._views = self._views, []
        return views

    def _take(self, entry: Entry) -> None:
        rule_id = entry.key.decode(errors="replace")
        old = self._rules.get(rule_id)
        if entry.value is None:
            if old is not None:
                self._forget(rule_id, old)
                self._show(RuleView(old.user, rule_id, old.version, b""))
            return
        try:
            rule = _rules.decode(entry.value)
            known = rule.symbol in self._by_symbol or is_symbol(rule.symbol)
            fault = fault_of(rule) or ("" if known else "symbol is none")
            fault = fault or ("" if rule.id == rule_id else "id is another than the record's key")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            fault = str(error)
        if fault:
            self._metrics.count_refused()
            _log.warning("alert_rule_refused", rule=rule_id[:64], why=fault)
            return
        if old is not None:
            if rule.version <= old.version:
                return
            self._forget(rule_id, old)
        self._rules[rule_id] = _Kept(rule.symbol, rule.user, rule.version, entry.value)
        self._by_symbol[rule.symbol].add(rule_id)
        if (owner := self._owners.get(rule.symbol)) is not None:
            self._inbox.setdefault(owner, {})[rule_id] = entry.value
        self._show(RuleView(rule.user, rule_id, rule.version, entry.value))

    def _forget(self, rule_id: str, old: _Kept) -> None:
        del self._rules[rule_id]
        self._by_symbol[old.symbol].discard(rule_id)
        if (owner := self._owners.get(old.symbol)) is not None:
            self._inbox.setdefault(owner, {})[rule_id] = None

    def _show(self, view: RuleView) -> None:
        if self._keeps_views:
            self._views.append(view)
