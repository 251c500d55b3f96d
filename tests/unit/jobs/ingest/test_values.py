"""Values of rows as one batch of records."""

from jobs.ingest.values import raw_batch


def test_each_value_stands_at_its_position() -> None:
    batch = raw_batch([b"a", b"", b"cde"])
    assert [batch.value(index) for index in range(3)] == [b"a", b"", b"cde"]
    assert batch.offsets.tolist() == [0, 1, 2]
    assert len(raw_batch([])) == 0
