"""What one bar says of its trades, in the cases that a reader would ask about first."""

from decimal import Decimal

from core.bars.rules import Rules
from core.bars.shard import Shard
from oracle.truth import OracleTrade
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch

MINUTE_BAR = ("A", "1m", MONDAY_US)


def trade(
    offset: int, price: str, size: str = "1", at_us: int = 0, trade_id: str = "", side: str = "BUY"
) -> OracleTrade:
    return OracleTrade(
        partition=3, offset=offset, timestamp_ms=0, event_time_us=MONDAY_US + at_us, symbol="A",
        price=Decimal(price), size=Decimal(size), side=side, trade_id=trade_id,
    )  # fmt: skip


def bar_of(*trades: OracleTrade) -> dict[str, object]:
    shard = Shard(Rules())
    shard.apply(to_batch(trades))
    return bars_of(shard.open_bars())[MINUTE_BAR]


def test_inside_one_timestamp_open_and_close_follow_the_trade_ids() -> None:
    bar = bar_of(trade(0, "10", trade_id="9"), trade(1, "11", trade_id="10"), trade(2, "12", trade_id="8"))
    assert (bar["open"], bar["close"]) == (12, 11)


def test_one_id_that_is_no_number_makes_the_offset_decide() -> None:
    bar = bar_of(trade(0, "10", trade_id="9"), trade(1, "11", trade_id="7"), trade(2, "12", trade_id="x"))
    assert (bar["open"], bar["close"]) == (10, 12)


def test_a_size_of_zero_moves_high_and_low_and_counts() -> None:
    bar = bar_of(trade(0, "10"), trade(1, "99", "0"), trade(2, "1", "0"))
    assert (bar["high"], bar["low"], bar["volume"], bar["trade_count"]) == (99, 1, 1, 3)


def test_vwap_is_rounded_half_even_and_absent_without_volume() -> None:
    assert bar_of(trade(0, "0.0000000001"), trade(1, "0.0000000002"))["vwap"] == Decimal("0.0000000002")
    assert bar_of(trade(0, "0.0000000002"), trade(1, "0.0000000003"))["vwap"] == Decimal("0.0000000002")
    assert bar_of(trade(0, "5", "0"))["vwap"] is None


def test_the_deviation_is_that_of_the_prices_whatever_their_sizes() -> None:
    assert bar_of(trade(0, "2", "100"), trade(1, "4", "1"))["stddev"] == 1
    assert bar_of(trade(0, "7"))["stddev"] == 0


def test_only_buys_count_as_buy_volume() -> None:
    bar = bar_of(trade(0, "1", "2"), trade(1, "1", "3", side="SELL"), trade(2, "1", "4", side="UNKNOWN"))
    assert (bar["buy_volume"], bar["volume"]) == (2, 9)


def test_equal_trades_of_one_record_come_in_their_order() -> None:
    for trade_id in ("7", ""):
        bar = bar_of(*(trade(0, price, trade_id=trade_id) for price in ("10", "11", "12")))
        assert (bar["open"], bar["close"]) == (10, 12)


def units(count: int) -> str:
    """A number of ``count`` times 10**-10; of 2**64 and more its high word isn't 0."""
    return str(Decimal(count).scaleb(-10))


def test_high_and_low_of_prices_above_a_word() -> None:
    for prices in ((2**64 + 1, 5), (5, 2**64 + 1), (2**64 + 1, 2**65), (2**64 + 1, 2**64 + 2)):
        bar = bar_of(*(trade(offset, units(price)) for offset, price in enumerate(prices)))
        assert (bar["high"], bar["low"]) == (Decimal(units(max(prices))), Decimal(units(min(prices))))


def test_volumes_grow_beyond_a_word() -> None:
    bar = bar_of(trade(0, "1", units(2**64 - 1)), trade(1, "1", units(2)), trade(2, "1", units(2**64), side="SELL"))
    assert bar["volume"] == Decimal(units(2**65 + 1))
    assert bar["buy_volume"] == Decimal(units(2**64 + 1))


def test_a_vwap_is_rounded_right_beyond_a_word() -> None:
    assert bar_of(trade(0, units(2**64 - 1)), trade(1, units(2**64)))["vwap"] == Decimal(units(2**64)), "up to even"
    # The volume is 2**64 + 2 and the remainder 1: twice that is the low word of the volume, and far from the volume.
    assert bar_of(trade(0, units(1), units(2**64 + 1)), trade(1, units(2), units(1)))["vwap"] == Decimal(units(1))


def test_a_deviation_is_rounded_to_the_nearest_and_right_beyond_a_word() -> None:
    assert bar_of(trade(0, units(1)), trade(1, units(2)))["stddev"] == Decimal(units(1))
    assert bar_of(trade(0, units(1)), trade(1, units(2**64)))["stddev"] == Decimal(units(2**63))
    assert bar_of(*(trade(offset, units(2**63)) for offset in range(3)))["stddev"] == 0


def test_a_bar_is_final_from_the_moment_of_its_end_on() -> None:
    shard = Shard(Rules(out_of_order_us=0))
    shard.apply(to_batch([trade(0, "1"), trade(1, "1", at_us=60_000_000)]))
    assert [bar["final"] for bar in bars_of(shard.take_final()).values()] == [True]


def test_a_trade_that_comes_late_but_happened_first_opens_the_bar() -> None:
    bar = bar_of(trade(0, "10", at_us=5), trade(1, "11", at_us=9), trade(2, "12", at_us=1), trade(3, "13", at_us=7))
    assert (bar["open"], bar["close"], bar["high"], bar["low"]) == (12, 11, 13, 10)


def test_without_ids_the_offset_decides_at_both_ends() -> None:
    bar = bar_of(trade(5, "10"), trade(3, "11"), trade(9, "12"), trade(7, "13"))
    assert (bar["open"], bar["close"]) == (11, 12)


def test_the_same_with_ids_that_are_no_numbers() -> None:
    bar = bar_of(trade(5, "10", trade_id="x"), trade(3, "11", at_us=-1, trade_id="b"), trade(9, "12", trade_id="a"))
    assert bar["close"] == 12
    later = bar_of(trade(5, "10", trade_id="x"), trade(3, "11", trade_id="b"), trade(9, "12", at_us=3, trade_id="a"))
    assert (later["open"], later["close"]) == (11, 12)
