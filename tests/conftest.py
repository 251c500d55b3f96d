"""Servers for every test that asks for one; each is declared in tests/servers.

Where pytest has several processes (``-n 2 --dist loadfile``), the tests of a file run in one of them, one after the
other, and each process has servers of its own. So a file may count on its order and on its module's fixtures. Files
are given out in order: those marked ``long`` first, the many short ones of tests/unit last.
Properties have no deadline: an example that meets a kernel which isn't compiled yet takes seconds.
"""

import numba
import pytest
from hypothesis import settings

pytest_plugins = [f"tests.servers.{name}" for name in ("needs", "kafka", "redis", "clickhouse", "promtool")]

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; leave out what needs the compiler where it is off."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if numba.config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(pytest.mark.skip(reason="kernels run as plain Python"))
