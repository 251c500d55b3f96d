"""A snapshot of another version, or of something else, is refused with the way out."""

from dataclasses import replace

import msgspec
import pytest

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.snapshot import SNAPSHOT_VERSION, restore, snapshot
from schemas.errors import StateIncompatible
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch, wide
from tests.unit.core.bars.test_shard import at

NAMES_AT = -4
"""The place of the intervals' names among the fields of a state."""


def test_an_empty_shard_survives() -> None:
    shard = restore(snapshot(Shard(Rules())), Rules())
    assert (len(shard.symbols), len(shard.open_bars())) == (0, 0)


def test_another_version_names_both_versions_and_the_mend() -> None:
    fields = msgspec.msgpack.decode(snapshot(Shard(Rules())))
    fields[0] = SNAPSHOT_VERSION + 1
    with pytest.raises(StateIncompatible, match=rf"version {SNAPSHOT_VERSION + 1}.*rebuilt from Kafka"):
        restore(msgspec.msgpack.encode(fields), Rules())


def test_a_state_of_other_intervals_is_refused() -> None:
    fields = msgspec.msgpack.decode(snapshot(Shard(Rules())))
    assert fields[NAMES_AT] == [interval.name for interval in INTERVALS]
    with pytest.raises(StateIncompatible, match=r"its bars are of 1m,2m, this program's of 1m,5m.*rebuilt from Kafka"):
        restore(msgspec.msgpack.encode([*fields[:NAMES_AT], ["1m", "2m"]]), Rules())


def test_a_state_that_names_no_intervals_is_of_the_first_seven() -> None:
    shard = Shard(Rules())
    shard.apply(to_batch([at(0, 1)]))
    fields = msgspec.msgpack.decode(snapshot(shard))
    if len(INTERVALS) == 7:
        assert bars_of(restore(msgspec.msgpack.encode(fields[:NAMES_AT]), Rules()).open_bars()) == bars_of(
            shard.open_bars()
        )


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    with pytest.raises(StateIncompatible):
        restore(b"\x93\x01\x02\x03", Rules())


def patient(lateness_s: int, out_of_order_s: int = 5) -> Rules:
    return Rules(out_of_order_us=out_of_order_s * 1_000_000, lateness_us=(lateness_s * 1_000_000,) * len(INTERVALS))


def sealed_under(rules: Rules) -> Shard:
    """A shard that sealed and forgot the first minute's bar of two trades, under 60 s of lateness."""
    shard = Shard(rules)
    shard.apply(to_batch([at(0, 1), at(1, 2), at(2, 130)]))
    shard.take_final()
    return shard


def test_more_lateness_does_not_open_what_was_sealed() -> None:
    shard = restore(snapshot(sealed_under(patient(60))), patient(3600))
    assert shard.apply(to_batch([at(3, 3)])).refused[0] == 1
    assert ("A", "1m", MONDAY_US) not in bars_of(shard.take_final())
    again = restore(snapshot(shard), patient(3600))
    assert again.apply(to_batch([at(4, 4)])).refused[0] == 1, "nor after another recovery"
    assert again.apply(to_batch([at(5, 400), at(6, 300)])).late == 0, "but from here on it holds"


def test_a_wider_bound_does_not_take_the_watermark_back() -> None:
    shard = restore(snapshot(sealed_under(patient(60))), patient(60, out_of_order_s=500))
    assert shard.watermark_us == MONDAY_US + 125_000_000
    shard.apply(to_batch([at(3, 70)]))
    revised = bars_of(shard.take_final())["A", "1m", MONDAY_US + 60_000_000]
    assert revised["trade_count"] == 1
    shard.apply(to_batch([at(4, 626)]))
    assert shard.watermark_us == MONDAY_US + 126_000_000


def test_less_lateness_seals_sooner() -> None:
    shard = restore(snapshot(sealed_under(patient(3600))), patient(0))
    assert shard.apply(to_batch([at(3, 3)])).refused[0] == 1


def test_a_lower_source_epoch_is_refused() -> None:
    data = snapshot(Shard(Rules(source_epoch=3)))
    restore(data, Rules(source_epoch=4))
    with pytest.raises(StateIncompatible, match="source_epoch 3, the settings say 2"):
        restore(data, Rules(source_epoch=2))


def test_duplicates_are_looked_for_from_the_moment_they_are_asked_for() -> None:
    shard = Shard(Rules())
    shard.apply(to_batch([at(0, 1, trade_id="9000")]))
    shard = restore(snapshot(shard), Rules(dedupe=True))
    assert shard.apply(to_batch([at(1, 1, trade_id="9000"), at(2, 1, trade_id="9000")])).duplicate == 1
    plain = restore(snapshot(shard), Rules())
    assert plain.apply(to_batch([at(3, 1, trade_id="9000")])).duplicate == 0
    assert restore(snapshot(plain), Rules(dedupe=True)).apply(to_batch([at(4, 1, trade_id="1")])).duplicate == 0


def test_a_bar_that_other_rules_sealed_at_that_very_moment_stays_sealed() -> None:
    shard = Shard(patient(60))
    shard.apply(to_batch([at(0, 1), at(1, 125)]))
    shard.take_final()
    restored = restore(snapshot(shard), patient(3600))
    assert restored.apply(to_batch([at(2, 3)])).refused[0] == 1


def test_what_the_first_rules_closed_and_sealed_stays_so_under_the_third() -> None:
    second = restore(snapshot(sealed_under(patient(60))), patient(3600, out_of_order_s=500))
    third = restore(snapshot(second), patient(1800, out_of_order_s=400))
    assert third.watermark_us == MONDAY_US + 125_000_000
    assert third.apply(to_batch([at(3, 3)])).refused[0] == 1
    # Nor does a wider bound, under which the watermark only stays, open what was sealed by then.
    second = restore(snapshot(sealed_under(patient(3600))), patient(60, out_of_order_s=500))
    second.take_final()
    third = restore(snapshot(second), patient(3600, out_of_order_s=500))
    assert third.apply(to_batch([at(3, 3)])).refused[0] == 1


def test_what_waits_to_be_published_waits_over_a_recovery() -> None:
    shard = Shard(patient(60))
    shard.apply(to_batch([at(0, 1), at(1, 70)]))
    shard.take_final()
    shard.apply(to_batch([at(2, 2, "12")]))
    shard = restore(snapshot(shard), patient(60))
    assert bars_of(shard.take_final())["A", "1m", MONDAY_US]["revision"] == 1
    assert len(shard.take_live()[1]) == 2 * len(INTERVALS) - (len(INTERVALS) - 1) - 1, "the open ones of both trades"


def test_a_ticker_has_the_newest_day_over_a_recovery() -> None:
    shard = Shard(patient(10 * 86_400))
    shard.apply(to_batch([at(0, 1, "5"), at(1, 86_400 + 1, "6")]))
    tickers, _ = restore(snapshot(shard), patient(10 * 86_400)).take_live()
    assert wide(tickers.rows[0], "price") == 6


def test_a_shard_of_more_bars_than_a_new_one_has_room_for_survives() -> None:
    shard = Shard(Rules())
    shard.apply(to_batch([at(n, 1, symbol=f"S{n}") for n in range(160)]))
    again = restore(snapshot(shard), Rules())
    assert bars_of(again.open_bars()) == bars_of(shard.open_bars())
    assert len(again.pool.rows) == len(shard.pool.rows)


def test_ids_are_remembered_over_a_recovery() -> None:
    rules = Rules(dedupe=True)
    shard = Shard(rules)
    shard.apply(to_batch([at(0, 1, trade_id="a"), at(1, 1, trade_id="2")]))
    again = restore(snapshot(shard), rules)
    assert (
        again.apply(to_batch([at(2, 1, trade_id="a"), at(3, 1, trade_id="2"), at(4, 1, trade_id="b")])).duplicate == 2
    )


def test_a_state_from_before_ids_were_kept_knows_none() -> None:
    rules = Rules(dedupe=True)
    shard = Shard(Rules())
    shard.apply(to_batch([at(0, 10)]))
    fields = msgspec.msgpack.decode(snapshot(shard))
    fields[0], fields[3], fields[8] = 2, fields[3][:10], b"\0" * 512
    if len(INTERVALS) == 7:  # it was of these
        again = restore(msgspec.msgpack.encode(fields[:17]), rules)
        assert again.apply(to_batch([at(1, 10, trade_id="7")])).unjudged == 1


def test_what_bars_open_at_outlives_a_restart_and_another_rule_is_refused() -> None:
    rules = replace(patient(60), previous_close=True)
    shard = restore(snapshot(sealed_under(rules)), rules)
    shard.apply(to_batch([at(3, 70, "7"), at(4, 131, "8")]))
    assert bars_of(shard.take_final())["A", "1m", MONDAY_US + 60_000_000]["open"] == 10, "the close of a sealed bar"
    assert bars_of(shard.open_bars())["A", "1m", MONDAY_US + 120_000_000]["open"] == 7
    with pytest.raises(StateIncompatible, match=r"another TAPEFLOW_CANDLE_OPEN"):
        restore(snapshot(shard), patient(60))
