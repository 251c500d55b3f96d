"""The book of rules: what comes in, what is held, what it says for the armed log."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from core.alerts import rule_book
from core.alerts.rule_book import FIRINGS_AT_ONCE, RuleBook
from kernels.decimal_text import to_pair, units
from schemas.alert_rules import AlertRule, ArmedRule
from schemas.columns import TRADE


def rule(rule_id: str, condition: str = "crosses_above", threshold: str = "10", **more: object) -> bytes:
    given = {"user": "anna", "symbol": "A", **more}
    written = AlertRule(id=rule_id, condition=condition, threshold=threshold, **given)  # type: ignore[arg-type]
    return msgspec.json.encode(written)


def rows(first: int, *prices: str) -> np.ndarray:
    found = np.zeros(len(prices), TRADE)
    for index, price in enumerate(prices):
        found[index]["price_hi"], found[index]["price_lo"] = to_pair(units(Decimal(price)))
        found[index]["offset"], found[index]["event_time_us"] = first + index, (first + index) * 1_000_000
    return found


def apply(book: RuleBook, first: int, *prices: str) -> list[tuple[int, str]]:
    firings = book.apply(rows(first, *prices), np.zeros(len(prices), np.int32), 0)
    return list(zip(firings.rows["sequence"].tolist(), firings.ids, strict=True))


def book_of(*names: str) -> RuleBook:
    book = RuleBook()
    assert list(book.add_symbols(names)) == list(names)
    return book


def facts(record: ArmedRule) -> tuple[str, int, int, str, int]:
    rule_id = msgspec.json.decode(record.rule, type=AlertRule).id
    return rule_id, record.armed_at, record.at, record.state, record.not_before_us


def test_the_armed_log_says_what_became_of_each() -> None:
    book = book_of("A", "B")
    apply(book, 0, "9")
    armed = book.arm([rule("a"), rule("b", "crosses_below"), rule("c", repeat="every", cooldown_ms=1000)], 0)
    assert [facts(each) for each in armed] == [
        ("a", 0, 0, "armed", 0),
        ("b", 0, 0, "waiting", 0),
        ("c", 0, 0, "armed", 0),
    ]
    assert apply(book, 1, "10", "11") == [(1, "a"), (1, "c")]
    assert sorted(facts(each) for each in book.take_moved()) == [
        ("a", 0, 1, "fired", 1_000_000),
        ("b", 0, 2, "armed", 0),
        ("c", 0, 1, "waiting", 2_000_000),
    ]
    assert book.take_moved() == []


def test_restored_rules_go_on_with_their_state() -> None:
    book = book_of("A")
    apply(book, 0, "9")
    log = {facts(each)[0]: each for each in book.arm([rule("a", repeat="every", rearm="2"), rule("b")], 0)}
    apply(book, 1, "10")
    log |= {facts(each)[0]: each for each in book.take_moved()}
    again = RuleBook(state=book.state())
    again.add_symbols(["A"])
    again.restore(list(log.values()), 1)
    assert len(again) == 2
    assert apply(again, 2, "9", "10", "8", "10") == [(5, "a")]


def test_a_log_is_the_same_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        ArmedRule(
            msgspec.Raw(rule(f"r{number:03}", symbol="AB"[number % 2], threshold=str(10 + number % 7))), 0, at, "armed"
        )
        for number, at in enumerate([0, 2, 0, 9] * 60)
    ]
    found = []
    for at_once in (1_000, 7):
        monkeypatch.setattr(rule_book, "RESTORED_AT_ONCE", at_once)
        book = book_of("A", "B")
        book.make_room(len(records))
        book.make_room(1)
        book.restore(iter(records), 0)
        assert len(book) == len(records)
        found.append([apply(book, first, "9", "12", "9", "17") for first in (1, 5, 9)])
    assert found[0] == found[1]
    assert sum(map(len, found[0])) > 100


def test_what_is_ahead_of_the_trades_is_held_until_they_are_there() -> None:
    text = msgspec.Raw(rule("a"))
    book = book_of("A")
    book.restore([ArmedRule(text, 0, 2, "armed"), ArmedRule(msgspec.Raw(rule("b")), 0, 9, "armed")], -1)
    assert len(book) == 2
    assert apply(book, 0, "9", "10", "10", "9", "10") == [(4, "a")]
    book.release(8)
    assert apply(book, 5, "10") == []
    book.release(9)
    assert apply(book, 10, "9", "10") == [(11, "b")]


def test_held_rules_can_go() -> None:
    book = book_of("A")
    book.restore([ArmedRule(msgspec.Raw(rule("a")), 0, 7, "armed")], 0)
    book.remove(["a", "nobody"])
    assert len(book) == 0


def test_rules_of_a_symbol_whose_trades_left_the_log_wait_for_its_next_one() -> None:
    book = book_of("A")
    texts = [msgspec.Raw(rule(name, symbol="C")) for name in ("a", "b")]
    book.restore([ArmedRule(text, 3, 3, "armed") for text in texts], 5)
    assert (len(book), book.unplaced_ids(), book.ids()) == (0, ["a", "b"], [])
    book.remove(["b"])
    book.add_symbols(["A", "C"])
    assert len(book) == 1
    firings = book.apply(rows(6, "11"), np.ones(1, np.int32), 0)
    assert list(firings.ids) == ["a"]


def test_another_version_replaces_a_rule_and_forgets_its_moves() -> None:
    book = book_of("A")
    book.arm([rule("a"), rule("b")], 0)
    apply(book, 1, "9")
    assert (book.version_of("a"), book.version_of("nobody")) == (1, 0)
    book.arm([rule("a", threshold="20", version=2)], 1)
    assert book.version_of("a") == 2
    assert sorted(book.ids()) == ["a", "b"]
    assert [facts(each)[0] for each in book.take_moved()] == ["b"]
    assert len(book) == 2
    assert apply(book, 2, "10", "20") == [(2, "b"), (3, "a")]
    book.remove(["b"])
    assert [facts(each) for each in book.take_moved()] == [("a", 1, 3, "fired", 3_000_000)]


def test_there_is_room_for_any_number() -> None:
    book = book_of("A")
    count = FIRINGS_AT_ONCE + 500
    apply(book, 0, "1")
    book.arm([rule(f"r{number:05d}") for number in range(count)], 0)
    fired = apply(book, 1, "10")
    assert fired == [(1, f"r{number:05d}") for number in range(count)]
    book.remove([f"r{number:05d}" for number in range(count)])
    assert len(book) == 0
    assert apply(book, 2, "9", "11") == []
    book.arm([rule("quiet", "above", "99")], 3)
    book.remove(["quiet"])
    assert (len(book), book.take_moved()) == (0, [])


def test_symbols_come_as_they_are_seen() -> None:
    book = book_of("A")
    assert book.add_symbols(["A"]) == []
    assert list(book.add_symbols(["A", "B", "C"])) == ["B", "C"]
    assert not book.has_price("A")


def test_a_percentage_keeps_the_price_that_it_is_of() -> None:
    book = book_of("A")
    apply(book, 0, "200")
    assert book.has_price("A")
    texts = [rule("a", "rises_by", "5"), rule("b", "falls_by", "5", repeat="every", rearm="1")]
    log = book.arm(texts, 0)
    assert [each.reference for each in log] == ["200", "200"]
    again = RuleBook(state=book.state())
    again.add_symbols(["A"])
    again.restore(log, 0)
    firings = again.apply(rows(1, "209", "190", "195", "189", "210"), np.zeros(5, np.int32), 0)
    assert list(zip(firings.ids, firings.rows["sequence"].tolist(), firings.thresholds, strict=True)) == [
        ("b", 2, 190 * 10**10),
        ("b", 4, 190 * 10**10),
        ("a", 5, 210 * 10**10),
    ]
    assert {each.reference for each in again.take_moved()} == {"200"}


def test_a_state_of_the_next_trade_is_held_for_it() -> None:
    book = book_of("A")
    book.restore([ArmedRule(msgspec.Raw(rule("a")), 0, 1, "armed")], 0)
    assert apply(book, 1, "10", "9", "10") == [(3, "a")]


def test_series_of_a_symbol_stand_beside_one_another() -> None:
    book = book_of("A", "B")
    windows = ("1m", "5m", "15m", "1h", "4h", "1D", "day", "52w")
    texts = [rule(f"{name}-{window}", threshold="2", series=name, window=window, condition=condition)
             for window in windows for name, condition in (("high", "above"), ("low", "below"))]  # fmt: skip
    book.arm([*texts, rule("price")], -1)
    apply(book, 0, "5", "6")
    assert sorted(name for _, name in apply(book, 2, "8", "3")) == sorted(
        [*(f"high-{window}" for window in windows), *(f"low-{window}" for window in windows)]
    )


def test_silence_is_told_of_once_whoever_tells() -> None:
    book = book_of("A", "B")
    texts = [rule(f"s{number:04}", "above", "2", series="silence") for number in range(FIRINGS_AT_ONCE + 2)]
    book.arm([*texts, rule("b", "above", "2", symbol="B", series="silence")], -1)
    apply(book, 0, "5")
    assert book.tell_silence(1_900_000, 0).ids == ()
    told = book.tell_silence(2_000_000, 7)
    assert (len(told.ids), set(told.rows["sequence"].tolist()), set(told.rows["named"].tolist())) == (
        len(texts),
        {7},
        {0},
    )
    assert set(told.rows["event_time_us"].tolist()) == {2_000_000}
    assert {each.at for each in book.take_moved()} == {7}
    assert book.tell_silence(9_000_000, 7).ids == ()
    assert apply(book, 9, "5") == []


def test_state_goes_on_with_what_trades_add_up_to() -> None:
    book = book_of("A")
    apply(book, 0, "5", "9")
    again = RuleBook(state=book.state())
    again.add_symbols(["A"])
    again.arm([rule("a", "above", "0", series="high", window="day")], 1)
    assert apply(again, 2, "8", "9.1") == [(3, "a")]
    with pytest.raises((msgspec.DecodeError, ValueError)):
        RuleBook(state=b"\xc1")
