"""Servers for every test that asks for one; each is declared in tests/servers.

Law: tests that use servers run one after the other in one process, also when pytest has several (``-n 2``): they share
the servers, and they watch the clock. The others, which only compute, run beside them.
"""

from pathlib import Path
from typing import Final

import pytest

pytest_plugins = [f"tests.servers.{name}" for name in ("kafka", "redis", "clickhouse", "promtool")]

COMPUTING: Final = {"unit", "property"}
TESTS: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(TESTS).parts[0] not in COMPUTING:
            item.add_marker(pytest.mark.xdist_group("servers"))
