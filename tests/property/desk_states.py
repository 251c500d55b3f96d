"""Providers' records and states of exposure for tests and laws: the oracle's, and the same as batches of the flow."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from kernels.decimal_text import to_pair, units
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from schemas.desk import EXPOSURE, LP, DeskBatch
from tests.property.desk_records import START_US

__all__ = ["exposure_batch", "exposure_state", "exposure_states", "lp_batch", "lp_record", "lp_records"]


def lp_record(offset: int = 0, at_us: int = 0, **changes: object) -> OracleLpRecord:
    usual = OracleLpRecord(
        0, offset, (START_US + at_us) // 1000, START_US + at_us, "OANDA", "connected", Decimal("0.9"), Decimal("0.98"),
        14_200, Decimal(120), Decimal("0.01"), Decimal("99.9"),
    )  # fmt: skip
    return usual._replace(**changes)  # type: ignore[arg-type]


def exposure_state(offset: int = 0, at_us: int = 0, **changes: object) -> OracleState:
    usual = OracleState(
        0, offset, (START_US + at_us) // 1000, START_US + at_us, "EUR/USD", "OANDA", "A", Decimal(100), Decimal(1000)
    )
    return usual._replace(**changes)  # type: ignore[arg-type]


STEPS_US = (0, 1, 200_000, 1_000_000, 7_000_000, 29_999_999, 30_000_000, 65_000_000)


@st.composite
def lp_records(draw: st.DrawFn, count_max: int = 40) -> list[OracleLpRecord]:
    at_us, found = 0, []
    for offset in range(draw(st.integers(0, count_max))):
        at_us += draw(st.sampled_from(STEPS_US))
        back_us = draw(st.sampled_from((0, 0, 0, 1_500_000, 31_000_000, 70_000_000, 4_000_000_000)))
        found.append(
            lp_record(
                offset,
                at_us - back_us,
                timestamp_ms=(START_US + at_us) // 1000,
                lp=draw(st.sampled_from(("OANDA", "LMAX"))),
                status=draw(st.sampled_from(("connected", "degraded", "disconnected"))),
                quotes=Decimal(draw(st.integers(0, 500))),
                reject_rate=Decimal(draw(st.integers(0, 100))).scaleb(-2),
                latency_us=draw(st.integers(0, 10**6)),
            )
        )
    return found


@st.composite
def exposure_states(draw: st.DrawFn, count_max: int = 40) -> list[OracleState]:
    at_us, found = 0, []
    for offset in range(draw(st.integers(0, count_max))):
        at_us += draw(st.sampled_from(STEPS_US))
        found.append(
            exposure_state(
                offset,
                at_us - draw(st.sampled_from((0, 0, 5_000_000, 90_000_000))),
                timestamp_ms=(START_US + at_us) // 1000,
                symbol=draw(st.sampled_from(("EUR/USD", "GBP/USD"))),
                lp=draw(st.sampled_from(("", "OANDA", "LMAX"))),
                book=draw(st.sampled_from(("", "A"))),
                exposure=Decimal(draw(st.integers(-4000, 4000))).scaleb(-1),
                limit=draw(st.sampled_from((None, None, Decimal(1000), Decimal(0)))),
            )
        )
    return found


def numbering() -> tuple[dict[str, int], Callable[[str], int]]:
    words: dict[str, int] = {}
    return words, lambda word: words.setdefault(word, len(words))


def lp_batch(records: Sequence[OracleLpRecord], next_offset: int | None = None) -> DeskBatch:
    words, number = numbering()
    rows = [
        (
            each.offset, each.timestamp_ms, each.event_time_us, units(each.spread), units(each.quality),
            each.latency_us, units(each.quotes), units(each.reject_rate), units(each.uptime), number(each.lp),
            number(each.status),
        )
        for each in records
    ]  # fmt: skip
    end = records[-1].offset + 1 if records else 0
    return DeskBatch(
        "lp", "lp-metrics", 0, np.array(rows, LP), tuple(words), len(rows), end if next_offset is None else next_offset
    )


def exposure_batch(states: Sequence[OracleState], next_offset: int | None = None) -> DeskBatch:
    words, number = numbering()
    rows = [
        (
            each.offset, each.timestamp_ms, each.event_time_us, *to_pair(units(each.exposure)),
            *to_pair(units(each.limit or 0)), number(each.symbol), number(each.lp), number(each.book),
            each.limit is not None, (0, 0, 0),
        )
        for each in states
    ]  # fmt: skip
    end = states[-1].offset + 1 if states else 0
    return DeskBatch(
        "exposure", "exposure", 0, np.array(rows, EXPOSURE), tuple(words), len(rows),
        end if next_offset is None else next_offset,
    )  # fmt: skip
