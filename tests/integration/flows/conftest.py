"""Servers of their own for tests that kill them, and a world where both flows run, shared by a module's tests."""

from collections.abc import Iterator

import pytest

from tests.chaos.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A broker, a Redis and a ClickHouse that the module may kill, both flows on them, and a tape that runs."""
    with World(tmp_path_factory.mktemp("world"), seed=5, rate=400) as world:
        yield world
