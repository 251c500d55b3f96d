"""The law of alerts about trades: the same whatever the batch cut and restarts, and those of the oracle."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.feed import FeedDesk, restore_feed, snapshot_feed
from core.analytics.rules import FeedRules
from oracle.trade_alerts import OracleFeedRules, trade_alerts_of
from oracle.truth import OracleTrade
from schemas.desk import TRADE_ALERTS, DeskAlert
from tests.property.trade_batches import MONDAY_US, examples, to_batch

RULES = FeedRules(frozenset(TRADE_ALERTS), 60_000_000, 10_000_000, 3, 3)


@st.composite
def tapes(draw: st.DrawFn) -> list[OracleTrade]:
    """Trades of one partition, mostly forward in time, mostly with ids that rise by one."""
    time_us, number, found = MONDAY_US, 0, []
    for offset in range(draw(st.integers(0, 50))):
        time_us += draw(st.sampled_from((0, 1, 3_000_000, 9_999_999, 10_000_000, 59_999_999, 60_000_000)))
        number += draw(st.sampled_from((0, 1, 1, 1, 1, 2, -3)))
        bid, ask = draw(st.tuples(*[st.none() | st.integers(1, 3).map(Decimal)] * 2))
        found.append(
            OracleTrade(
                3, offset, 0, time_us - draw(st.sampled_from((0, 0, 0, 5_000_000))), draw(st.sampled_from(("A", "B"))),
                Decimal(draw(st.integers(900, 1100))), Decimal(1),
                trade_id=draw(st.sampled_from((str(max(number, 0)),) * 6 + ("x", "9" * 20))),
                exchange=draw(st.sampled_from(("", "", "", "X"))), bid=bid, ask=ask,
            )
        )  # fmt: skip
    return found


def alerts(tape: Sequence[OracleTrade], cuts: Sequence[int], restarts: bool) -> list[DeskAlert]:
    desk, found = FeedDesk(RULES), []
    ends = sorted({*(cut for cut in cuts if cut < len(tape)), len(tape)} - {0})
    for first, end in zip([0, *ends], ends, strict=False):
        found += desk.apply(to_batch(tape[first:end])).alerts
        if restarts:
            desk = restore_feed(snapshot_feed(desk), RULES)
    return found


@settings(max_examples=examples(150))
@given(tapes(), st.lists(st.integers(1, 49), max_size=6), st.booleans())
def test_alerts_are_those_of_the_oracle_whatever_the_cut_and_restarts(
    tape: list[OracleTrade], cuts: list[int], restarts: bool
) -> None:
    found = alerts(tape, cuts, restarts)
    told = [(each.id, each.state, each.time_us) for each in found]
    assert told == trade_alerts_of(tape, OracleFeedRules(*RULES)).get(3, [])
    assert alerts(tape, [], restarts=False) == found
    assert len({each[:2] for each in told}) == len(told)


@settings(max_examples=50)
@given(tapes(), st.integers(1, 49))
def test_what_the_clock_says_has_the_id_that_the_log_gives(tape: list[OracleTrade], cut: int) -> None:
    desk, found = FeedDesk(RULES), []
    for part in (tape[:cut], tape[cut:]):
        found += desk.apply(to_batch(part)).alerts
        if part is not tape[cut:]:
            found += desk.announce(MONDAY_US + 10**15).alerts
    said = {each.id for each in found if each.basis == "clock"}
    by_log = {alert_id for alert_id, *_ in trade_alerts_of(tape, OracleFeedRules(*RULES)).get(3, [])}
    assert {each.id for each in found} - said <= by_log
    assert len({(each.id, each.state) for each in found}) == len(found)
