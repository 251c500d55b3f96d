"""The line that a replay ends with."""

from jobs.replay.run import Account


def test_a_bar_that_late_trades_revise_is_not_said_to_be_two_bars() -> None:
    line = str(Account(-1, 0, read=4_000, applied=3_950, late=50, bars=367, repaired=50))
    assert "4000 read = 3950 applied + 0 duplicate + 50 late + 0 rejected" in line
    assert "367 versions of bars, 50 of them with late trades" in line
