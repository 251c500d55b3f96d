"""Desk records for tests and laws: the oracle's, and the same as batches of the flow."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from kernels.decimal_text import to_pair, units
from oracle.desk import OracleDecision
from schemas.desk import ROUTING, SIDE_NAMES, DeskBatch

__all__ = ["START_US", "decision", "decisions", "routing_batch"]

START_US = 1_760_313_600_000_000


def decision(offset: int = 0, at_us: int = 0, **changes: object) -> OracleDecision:
    """A decision ``at_us`` behind START_US, whose record came at its own time."""
    usual = OracleDecision(
        0, offset, (START_US + at_us) // 1000, START_US + at_us, "EUR/USD", "BUY", Decimal("1.5"), "ABOOK", "OANDA",
        12_000, Decimal("0.8"), Decimal("-0.1"),
    )  # fmt: skip
    return usual._replace(**changes)  # type: ignore[arg-type]


AMOUNTS = st.integers(-(10**4), 10**4).map(lambda units: Decimal(units).scaleb(-3))


@st.composite
def decisions(draw: st.DrawFn, count_max: int = 60) -> list[OracleDecision]:
    """Decisions of one partition, mostly forward in time, some late."""
    at_us, found = 0, []
    for offset in range(draw(st.integers(0, count_max))):
        at_us += draw(st.sampled_from((0, 1, 200_000, 999_999, 1_000_000, 7_000_000, 65_000_000)))
        back_us = draw(st.sampled_from((0, 0, 0, 1_500_000, 6_000_000, 70_000_000, 4_000_000_000)))
        found.append(
            decision(
                offset,
                at_us - back_us,
                timestamp_ms=draw(st.sampled_from((-1, (START_US + at_us) // 1000))),
                symbol=draw(st.sampled_from(("EUR/USD", "GBP/USD"))),
                side=draw(st.sampled_from(SIDE_NAMES)),
                lp=draw(st.sampled_from(("", "OANDA", "LMAX"))),
                decision=draw(st.sampled_from(("ABOOK", "BBOOK"))),
                volume=Decimal(draw(st.integers(0, 10**27))).scaleb(-10),
                execution_us=draw(st.integers(0, 10**6)),
                spread=draw(AMOUNTS),
                slippage=draw(AMOUNTS),
            )
        )
    return found


def routing_batch(decisions: Sequence[OracleDecision], next_offset: int | None = None) -> DeskBatch:
    """Decisions of one partition as the decoder makes them."""
    words: dict[str, int] = {}

    def number(word: str) -> int:
        return words.setdefault(word, len(words))

    rows = [
        (
            each.offset, each.timestamp_ms, each.event_time_us, *to_pair(units(each.volume)), each.execution_us,
            units(each.spread), units(each.slippage), number(each.symbol), number(each.lp), number(each.decision),
            SIDE_NAMES.index(each.side), 0, (0, 0),
        )
        for each in decisions
    ]  # fmt: skip
    end = decisions[-1].offset + 1 if decisions else 0
    return DeskBatch(
        "routing", "routing-decisions", decisions[0].partition if decisions else 0, np.array(rows, ROUTING),
        tuple(words), len(rows), end if next_offset is None else next_offset,
    )  # fmt: skip
