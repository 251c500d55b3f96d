"""The settings of a desk: which kinds are read, and limits with all their digits, also for child processes."""

from decimal import Decimal

import pytest

from runtime.settings.analytics import desk_kinds
from runtime.settings.whole import load_settings


def test_kinds_are_some_of_three() -> None:
    assert desk_kinds(("lp", "routing")) == ("lp", "routing")
    for kinds in ((), ("routing", "orders")):
        with pytest.raises(ValueError, match="some of routing, lp, exposure"):
            desk_kinds(kinds)


def test_a_child_process_gets_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Decimal("123456789012345678.0123456789")
    settings = load_settings(exposure_limit=limit, analytics_kinds="lp,exposure", lp_up_statuses="up")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    again = load_settings()
    assert (again.exposure_limit, again.analytics_kinds, again.lp_up_statuses) == (limit, ("lp", "exposure"), ("up",))
