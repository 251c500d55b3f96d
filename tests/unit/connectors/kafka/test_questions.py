import pytest

from connectors.kafka.questions import misplaced
from schemas.errors import OffsetExpired, StateIncompatible


@pytest.mark.parametrize("offset", [5, 7, 10])
def test_an_offset_within_the_log_or_at_its_end_is_fine(offset: int) -> None:
    assert misplaced("t", 0, offset, 5, 10) is None


def test_an_offset_below_the_log_has_expired() -> None:
    trouble = misplaced("t", 3, 4, 5, 10)
    assert isinstance(trouble, OffsetExpired)
    assert str(trouble).startswith("offset 4 is gone, the topic now begins at 5 (t[3]): 1 offsets were deleted")


def test_an_offset_beyond_the_log_means_another_log() -> None:
    assert isinstance(misplaced("t", 0, 11, 5, 10), StateIncompatible)
