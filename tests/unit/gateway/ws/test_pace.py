"""When the next flush may begin: soon where little happens, later while messages join, never later than the limit."""

import pytest

from gateway.ws.pace import REST_MS_MIN, FlushPace

FLUSH_MS = 16.0


@pytest.mark.parametrize(
    ("reasons", "took_ms", "rest_ms"),
    [
        (1, 0.1, REST_MS_MIN),
        (9, 0.1, REST_MS_MIN),
        (1, 3.0, 4.5),
        (2, 3.0, 12.0),
        (1, 8.0, 12.0),
        (2, 8.0, FLUSH_MS),
        (1, 50.0, FLUSH_MS),
    ],
)
def test_a_rest_grows_with_what_a_flush_took_and_more_where_messages_joined(
    reasons: int, took_ms: float, rest_ms: float
) -> None:
    pace = FlushPace(FLUSH_MS)
    for _ in range(reasons):
        pace.noted()
    pace.began(1000.0)
    pace.ended(took_ms)
    assert pace.wait_ms(1000.0) == pytest.approx(rest_ms)
    assert pace.wait_ms(1000.0 + rest_ms) == 0


def test_a_flush_without_anything_to_write_makes_nothing_wait_and_a_short_limit_holds() -> None:
    pace = FlushPace(1.0)
    pace.noted()
    assert (pace.asked, pace.wait_ms(5.0)) == (True, 0)
    pace.began(5.0)
    assert (pace.asked, pace.wait_ms(5.0)) == (False, 0)
    pace.ended(0.2)
    assert pace.wait_ms(5.0) == pytest.approx(1.0), "the limit is below the least rest"
