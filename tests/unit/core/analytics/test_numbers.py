"""Numbers as JSON: all digits, quotients rounded once, half to even, nothing of nothing."""

from core.analytics.numbers import SCALE, mean_number, number, percentile_numbers, quotient_number


def test_numbers() -> None:
    assert bytes(number(-12_345, 3)) == b"-12.345"
    assert bytes(number(10**28, SCALE)) == b"1000000000000000000"
    assert [bytes(quotient_number(part, 2, 0)) for part in (1, 3, 5, -1)] == [b"0", b"2", b"2", b"0"]
    assert bytes(quotient_number(5, 0, 3)) == b"0"
    assert bytes(mean_number(10, 4)) == b"0.0000000002"
    assert {name: bytes(each) for name, each in percentile_numbers({1: 9, 129: 1}, 3).items()} == {
        "p50": b"0.001", "p90": b"0.001", "p99": b"0.002",
    }  # fmt: skip
