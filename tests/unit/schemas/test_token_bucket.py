"""Time is passed in; bursts are bounded."""

from schemas.token_bucket import TokenBucket


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(10, 3, 0)
    assert [bucket.take(1, 0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1, 100)
    assert not bucket.take(1, 100)
    assert bucket.take(3, 10_000), "full again, and not fuller"
    assert not bucket.take(1, 10_000)
