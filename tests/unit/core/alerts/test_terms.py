"""A rule's words as the kernel's numbers."""

from core.alerts.terms import bound_of, rule_rows, state_code, state_word, window_code
from core.alerts.watch_kernel import ARMED, EXPIRED, FIRED, WAITING
from schemas.alert_rules import STATES, RuleTerms
from schemas.alert_series import SPANS
from schemas.intervals import INTERVALS

UNITS = 10**10


def wide(row, name: str) -> int:
    return (int(row[f"{name}_hi"]) << 64) + int(row[f"{name}_lo"])


def test_a_crossing_waits_for_the_other_side_and_goes_back_by_rearm() -> None:
    up, down = rule_rows(
        [
            RuleTerms("a", "A", "crosses_above", "150.5", "every", "0.5", 1000, 2000),
            RuleTerms("b", "A", "crosses_below", "1", rearm="0"),
        ],
        ["", ""],
    )
    assert [wide(up, name) for name in ("bound", "rearm", "back")] == [
        1505 * UNITS // 10,
        150 * UNITS,
        1505 * 10**9 - 1,
    ]
    assert [wide(down, name) for name in ("bound", "rearm", "back")] == [UNITS, UNITS + 1, UNITS + 1]
    assert (up["up"], down["up"], up["every"], down["every"]) == (1, 0, 1, 0)
    assert (up["cooldown_us"], up["expires_us"], down["expires_us"]) == (1_000_000, 2_000_000, 2**62)
    assert (up["state"], down["state"]) == (WAITING, WAITING)


def test_a_level_is_armed_at_once() -> None:
    rows = rule_rows([RuleTerms("a", "A", "above", str(10**17)), RuleTerms("b", "A", "below", "2")], ["", ""])
    assert rows["state"].tolist() == [ARMED, ARMED]
    assert wide(rows[0], "bound") == 10**27


def test_states_have_words() -> None:
    assert [state_code(word) for word in STATES] == [ARMED, WAITING, FIRED, EXPIRED]
    assert [state_word(code) for code in (ARMED, WAITING, FIRED, EXPIRED)] == list(STATES)


def test_a_percentage_is_of_the_price_at_the_arming_and_never_short_of_it() -> None:
    up, down = RuleTerms("a", "A", "rises_by", "2.5"), RuleTerms("b", "A", "falls_by", "33.3333333333")
    assert bound_of(up, "200") == 205 * UNITS
    assert bound_of(up, "0.0000000001") == 2
    assert bound_of(down, "0.0000000003") == 2
    assert bound_of(down, "100") == 666_666_666_667
    rows = rule_rows([up, down], ["200", "100"])
    assert rows["state"].tolist() == [ARMED, ARMED]
    assert (wide(rows[0], "bound"), rows["up"].tolist()) == (205 * UNITS, [1, 0])


def test_a_distance_below_has_a_sign_and_an_extreme_is_passed_by_a_unit_at_least() -> None:
    def bound(series: str, condition: str, threshold: str) -> int:
        terms = RuleTerms("a", "A", condition, threshold, series=series, window="day")  # type: ignore[arg-type]
        return wide(rule_rows([terms], [""])[0], "bound")

    assert [bound("vwap", each, "2") for each in ("above", "below", "crosses_below")] == [
        2 * UNITS,
        -2 * UNITS,
        -2 * UNITS,
    ]
    assert (bound("high", "above", "0"), bound("low", "below", "0")) == (1, -1)
    assert (bound("high", "above", "3"), bound("low", "below", "3")) == (3 * UNITS, -3 * UNITS)
    assert bound("silence", "above", "1.5") == 15 * UNITS // 10
    (row,) = rule_rows([RuleTerms("a", "A", "below", "3", series="low", window="day", rearm="1")], [""])
    assert [wide(row, name) for name in ("bound", "rearm")] == [-3 * UNITS, -2 * UNITS]


def test_windows_are_known_by_their_place() -> None:
    for series, names in (("rise", ("1m", "1D")), ("high", ("day", "52w"))):
        assert [SPANS[window_code(series, each)].name for each in names] == list(names)
    assert INTERVALS[window_code("close", "1W")].name == "1W"
    assert window_code("price", "") == 0
