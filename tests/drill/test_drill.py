"""The drill itself: a backup beside running flows, and the losses that it mends, on one stack."""

from pathlib import Path

import pytest

from tests.drill.__main__ import LOSSES, run, table

pytestmark = pytest.mark.thorough


def test_every_loss_is_mended_without_a_difference(tmp_path: Path) -> None:
    said: list[str] = []
    found = run(tmp_path, list(LOSSES), said.append, records=1_000)
    assert [each.name for each in found] == list(LOSSES)
    assert not [line for each in found for line in each.differences]
    assert all("0 differ" in each.verify for each in found)
    assert "tapeflow restore backup --flows history" in table(found)
