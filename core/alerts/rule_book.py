"""The rules of one shard: armed from a sequence on, met by trades, and what became of each.

The alerts flow holds one beside each Shard. Rules come in by ``arm`` (new from here on) or ``restore`` (with the state
that the armed log says); ``apply`` gives what fired, in the order of trades and rule ids. Everything is a function of
the trades and the armed log, but for silence that a clock tells of (``tell_silence``); neither the cut of batches nor
the order in which rules came in changes what fires. A rule whose record names a sequence that is still to be read is
held until the trades are there.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import numpy as np

from core.alerts.rule_heap import NOTHING, RULE
from core.alerts.series_kernel import CLOSE, SERIES_CODES, SILENCE
from core.alerts.spans import freeze_spans, new_spans, thaw_spans, widened
from core.alerts.terms import rule_rows, state_code, state_word, window_code
from core.alerts.watch_kernel import (
    CLOSERS,
    COUNT,
    FIRING,
    LADDER,
    MOVED,
    NEWEST,
    SILENT,
    FiringRows,
    Watch,
    new_registers,
    new_sides,
    place_rules,
    remove_rules,
    tell_silence,
    watch_trades,
)
from kernels.decimal_text import from_pair, from_pairs, plain
from schemas.alert_rules import RELATIVE, ArmedRule, RuleTerms
from schemas.columns import TRADE, Ints, TradeRows

__all__ = ["Firings", "RuleBook"]

FIRST_RULES: Final = 64
FIRST_LADDERS: Final = 16
FIRINGS_AT_ONCE: Final = 4096
RESTORED_AT_ONCE: Final = 3_000
"""So many rules in several shapes at once; of a million, none would stay in a cache."""
TIMED: Final = {CLOSE: CLOSERS, SILENCE: SILENT}
"""Series that the time of the log moves on too, and the register of their first ladder."""

_terms = msgspec.json.Decoder(RuleTerms)


class Firings(NamedTuple):
    """rows: FIRING[n] by trade and rule id. rules: the bytes of each one's AlertRule; ids: of the rules; thresholds:
    the values that they passed, in units."""

    rows: FiringRows
    rules: Sequence[bytes]
    ids: Sequence[str]
    thresholds: Sequence[int]


class _Held(NamedTuple):
    """A rule that counts only behind sequence ``at``."""

    at: int
    id: str
    record: ArmedRule


class _State(msgspec.Struct, array_like=True):
    newest_us: int
    spans: bytes


class RuleBook:
    """``out_of_order_us``: how far the watermark that closes bars is behind. ``state``: of an earlier book, whose
    symbols had the same numbers; raises msgspec.DecodeError or ValueError where it is none."""

    def __init__(self, out_of_order_us: int = 0, state: bytes | None = None) -> None:
        self._registers = new_registers(out_of_order_us)
        self._spans = new_spans(0)
        if state is not None:
            frozen = msgspec.msgpack.decode(state, type=_State)
            self._registers[NEWEST] = frozen.newest_us
            self._spans = thaw_spans(frozen.spans)
        self._ladders = np.zeros(FIRST_LADDERS, LADDER)
        self._sides = new_sides(FIRST_LADDERS)
        self._by_series: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self._symbols: dict[str, int] = {}
        self._rules = np.zeros(FIRST_RULES, RULE)
        self._moved = np.zeros(FIRST_RULES, np.int32)
        self._texts: list[bytes] = [b""] * FIRST_RULES
        self._ids: list[str] = [""] * FIRST_RULES
        self._references: dict[int, str] = {}
        self._slots: dict[str, int] = {}
        self._free = list(range(FIRST_RULES - 1, -1, -1))
        self._held: list[_Held] = []
        self._unplaced: dict[str, dict[str, ArmedRule]] = {}

    def __len__(self) -> int:
        """How many rules there are, whatever their state, but for those of symbols that are not known yet."""
        return len(self._slots) + len(self._held)

    def ids(self) -> list[str]:
        """Of all rules but those that are held, or of symbols that are not known yet."""
        return list(self._slots)

    def unplaced_ids(self) -> list[str]:
        """Of rules whose symbols are not known yet."""
        return [rule_id for records in self._unplaced.values() for rule_id in records]

    def version_of(self, rule_id: str) -> int:
        """0 where the rule isn't here, or is held."""
        slot = self._slots.get(rule_id)
        return 0 if slot is None else int(self._rules["version"][slot])

    def add_symbols(self, names: Sequence[str]) -> Sequence[str]:
        """``names``: all of the shard's, in the order of their numbers; returns those that are new here."""
        new = names[len(self._symbols) :]
        for name in new:
            self._symbols[name] = len(self._symbols)
        if len(names) > len(self._spans.heads):
            self._spans = widened(self._spans, max(len(names), len(self._spans.heads) * 3 // 2))
        for name in new:
            if name in self._unplaced:
                self._restore(self._unplaced.pop(name).values())
        return new

    def state(self) -> bytes:
        """For recovery: what the trades of each symbol add up to. Rules stand in the armed log."""
        frozen = _State(int(self._registers[NEWEST]), freeze_spans(self._spans, len(self._symbols)))
        return msgspec.msgpack.encode(frozen)

    def arm(self, texts: Sequence[bytes], at: int) -> list[ArmedRule]:
        """Take in rules as they stand in their topic, of symbols that are known; they count behind sequence ``at``.

        A rule that is here already in another version is replaced. Returns what the armed log has to say of them. A
        percentage needs a price that it is of, so its symbol must have one (``has_price``).
        """
        terms = [_terms.decode(text) for text in texts]
        self.remove(each.id for each in terms)
        slots = self._put(terms, texts, [self._reference(each) for each in terms])
        self._rules["armed_at"][slots] = self._rules["at"][slots] = at
        place_rules(self._watch(), slots)
        return self._records(slots)

    def has_price(self, symbol: str) -> bool:
        """Whether a trade of it was applied."""
        return bool(self._spans.heads["has_last"][self._symbols[symbol]])

    def make_room(self, count: int) -> None:
        """So many rules are coming; without it, what there is grows by doubling."""
        if len(self._free) < count:
            self._grow(count - len(self._free))

    def restore(self, records: Iterable[ArmedRule], sequence: int) -> None:
        """Take in rules with their states; ``sequence``: of the last trade that this book has seen."""
        coming, held = iter(records), list(self._held)
        while part := list(islice(coming, RESTORED_AT_ONCE)):
            self._restore([each for each in part if each.at <= sequence])
            held += [_Held(each.at, _terms.decode(each.rule).id, each) for each in part if each.at > sequence]
        self._held = sorted(held, key=lambda each: (-each.at, each.id))

    def remove(self, ids: Iterable[str]) -> None:
        """Forget rules; ids that aren't here are none of its business."""
        wanted = set(ids)
        slots = [self._slots.pop(each) for each in wanted if each in self._slots]
        if self._held:
            self._held = [each for each in self._held if each.id not in wanted]
        for records in self._unplaced.values():
            for rule_id in wanted & records.keys():
                del records[rule_id]
        if slots:
            self._forget_moves(slots)
            remove_rules(self._watch(), np.array(slots, np.int32))
            for slot in slots:
                self._texts[slot], self._ids[slot] = b"", ""
                self._references.pop(slot, None)
            self._free.extend(slots)

    def apply(self, rows: TradeRows, symbols: Ints, sequence_base: int) -> Firings:
        """Hand in a batch after the shard has judged it; ``symbols``: the number of each row's."""
        found: list[FiringRows] = []
        first = 0
        while self._held:
            cut = int(np.searchsorted(rows["offset"], self._held[-1].at - sequence_base, side="right"))
            if cut == len(rows):
                break
            self._watch_rows(rows[first:cut], symbols[first:cut], sequence_base, found)
            first = cut
            self.release(self._held[-1].at)
        self._watch_rows(rows[first:], symbols[first:], sequence_base, found)
        return self._firings(found)

    def tell_silence(self, now_us: int, sequence: int) -> Firings:
        """What a clock has to tell of symbols without trades; ``sequence``: of the last record read."""
        clock = np.zeros(1, TRADE)
        clock["event_time_us"], clock["timestamp_ms"] = now_us, now_us // 1000
        found: list[FiringRows] = []
        is_done = False
        while not is_done:
            fired = np.zeros(FIRINGS_AT_ONCE, FIRING)
            is_done = tell_silence(self._watch(), now_us, clock, sequence, fired)
            self._take_fired(fired, found)
        return self._firings(found)

    def release(self, sequence: int) -> None:
        """Take in what was held for ``sequence`` or an earlier one."""
        due: list[ArmedRule] = []
        while self._held and self._held[-1].at <= sequence:
            due.append(self._held.pop().record)
        self._restore(due)

    def take_moved(self) -> list[ArmedRule]:
        """What the armed log has to say of the rules whose state changed since the last call."""
        count = int(self._registers[MOVED])
        slots = self._moved[:count].copy()
        self._registers[MOVED] = 0
        self._rules["moved"][slots] = 0
        return self._records(slots)

    def _restore(self, found: Iterable[ArmedRule]) -> None:
        records = list(found)
        terms = [_terms.decode(each.rule) for each in records]
        away = [place for place, each in enumerate(terms) if each.symbol not in self._symbols]
        for place in away:  # its trades have left the log; the next one brings it in
            self._unplaced.setdefault(terms[place].symbol, {})[terms[place].id] = records[place]
        for place in reversed(away):
            del terms[place], records[place]
        if not records:
            return
        texts, references = [bytes(each.rule) for each in records], [each.reference for each in records]
        slots, rules = self._put(terms, texts, references), self._rules
        rules["armed_at"][slots] = [each.armed_at for each in records]
        rules["at"][slots] = [each.at for each in records]
        rules["state"][slots] = [state_code(each.state) for each in records]
        rules["not_before_us"][slots] = [each.not_before_us for each in records]
        fired = slots[rules["not_before_us"][slots] > 0]
        rules["back_hi"][fired], rules["back_lo"][fired] = rules["rearm_hi"][fired], rules["rearm_lo"][fired]
        place_rules(self._watch(), slots)

    def _reference(self, terms: RuleTerms) -> str:
        if terms.condition not in RELATIVE:
            return ""
        head = self._spans.heads[self._symbols[terms.symbol]]
        return plain(from_pair(head["last_hi"], head["last_lo"]))

    def _put(self, terms: Sequence[RuleTerms], texts: Sequence[bytes], references: Sequence[str]) -> Ints:
        while len(self._free) < len(terms):
            self._grow(len(terms))
        first = len(self._free) - len(terms)
        slots = self._free[first:]
        del self._free[first:]
        ids = [each.id for each in terms]
        self._slots.update(zip(ids, slots, strict=True))
        for slot, rule_id, text in zip(slots, ids, texts, strict=True):
            self._ids[slot], self._texts[slot] = rule_id, text
        self._references.update({slot: each for slot, each in zip(slots, references, strict=True) if each})
        found = np.array(slots, np.int32)
        rows = rule_rows(terms, references)
        rows["ladder"] = self._ladders_of(terms)
        self._rules[found] = rows
        return found

    def _ladders_of(self, terms: Sequence[RuleTerms]) -> list[int]:
        by_series = self._by_series
        found = [by_series[each.series, each.window].get(each.symbol, NOTHING) for each in terms]
        without = [place for place, ladder in enumerate(found) if ladder == NOTHING]
        if without:
            lacking = [terms[place] for place in without]
            self._add_ladders(list({(each.symbol, each.series, each.window): None for each in lacking}))
            for place, each in zip(without, lacking, strict=True):
                found[place] = by_series[each.series, each.window][each.symbol]
        return found

    def _add_ladders(self, keys: Sequence[tuple[str, str, str]]) -> None:
        first = sum(map(len, self._by_series.values()))
        count = first + len(keys)
        for at, (symbol, series, window) in enumerate(keys, first):
            self._by_series[series, window][symbol] = at
        if count > len(self._ladders):
            more = max(count - len(self._ladders), len(self._ladders))
            self._ladders = np.concatenate([self._ladders, np.zeros(more, LADDER)])
            self._sides = np.concatenate([self._sides, new_sides(more)])
        rows, heads = self._ladders[first:count], self._spans.heads["ladder"]
        symbols = [self._symbols[symbol] for symbol, _, _ in keys]
        rows["symbol"] = symbols
        rows["series"] = [SERIES_CODES[series] for _, series, _ in keys]
        rows["window"] = [window_code(series, window) for _, series, window in keys]
        follow = []
        for at, number in enumerate(symbols, first):
            follow.append(heads[number])
            heads[number] = at
        rows["next"] = follow
        for code, register in TIMED.items():
            timed = first + np.flatnonzero(rows["series"] == code)
            if len(timed):
                self._ladders["next_timed"][timed] = [self._registers[register], *timed[:-1]]
                self._registers[register] = timed[-1]

    def _grow(self, wanted: int) -> None:
        old, more = len(self._rules), max(len(self._rules), wanted)
        self._rules = np.concatenate([self._rules, np.zeros(more, RULE)])
        self._moved = np.concatenate([self._moved, np.zeros(more, np.int32)])
        self._texts += [b""] * more
        self._ids += [""] * more
        self._free[:0] = range(old + more - 1, old - 1, -1)

    def _watch(self) -> Watch:
        return Watch(self._rules, self._ladders, self._sides, self._spans, self._moved, self._registers)

    def _watch_rows(self, rows: TradeRows, symbols: Ints, sequence_base: int, found: list[FiringRows]) -> None:
        done = 0
        while done < len(rows):
            fired = np.zeros(FIRINGS_AT_ONCE, FIRING)
            done = watch_trades(rows, symbols, done, sequence_base, self._watch(), fired)
            self._take_fired(fired, found)

    def _take_fired(self, fired: FiringRows, found: list[FiringRows]) -> None:
        if count := int(self._registers[COUNT]):
            found.append(fired[:count])
            self._registers[COUNT] = 0

    def _firings(self, found: list[FiringRows]) -> Firings:
        if not found:
            return Firings(np.zeros(0, FIRING), (), (), ())
        rows = np.concatenate(found)
        ids = [self._ids[slot] for slot in rows["slot"].tolist()]
        places = list(zip(rows["sequence"].tolist(), rows["index"].tolist(), ids, strict=True))
        order = sorted(range(len(rows)), key=places.__getitem__)
        rows = rows[order]
        texts = [self._texts[slot] for slot in rows["slot"].tolist()]
        bounds = self._rules[rows["slot"]]
        thresholds = from_pairs(bounds["bound_hi"], bounds["bound_lo"])
        return Firings(rows, texts, [ids[index] for index in order], thresholds)

    def _records(self, slots: Ints) -> list[ArmedRule]:
        rows = self._rules[slots]
        numbers = zip(
            rows["armed_at"].tolist(), rows["at"].tolist(), rows["state"].tolist(), rows["not_before_us"].tolist(),
            strict=True,
        )  # fmt: skip
        return [
            ArmedRule(
                msgspec.Raw(self._texts[slot]), armed_at, at, state_word(state), not_before_us,
                self._references.get(slot, ""),
            )
            for slot, (armed_at, at, state, not_before_us) in zip(slots.tolist(), numbers, strict=True)
        ]  # fmt: skip

    def _forget_moves(self, slots: Sequence[int]) -> None:
        """A rule that goes says nothing more in the armed log."""
        gone = np.array(slots, np.int32)
        if self._rules["moved"][gone].any():
            count = int(self._registers[MOVED])
            kept = self._moved[:count][~np.isin(self._moved[:count], gone)]
            self._moved[: len(kept)] = kept
            self._registers[MOVED] = len(kept)
            self._rules["moved"][gone] = 0
