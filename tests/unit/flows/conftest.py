"""What spans of batches are told, for tests of steps."""

import pytest

from flows import batch_spans
from runtime.tracing.tracer import Tracer
from tests.unit.runtime.tracing.keeper import Keeper


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    keeper = Keeper()
    on = Tracer(keeper, slow_ms=10**6)
    monkeypatch.setattr(batch_spans, "tracer", lambda: on)
    return keeper
