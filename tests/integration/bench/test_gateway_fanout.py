"""The flood reaches into the gateway's connections and into the bare library's, and delivers all that it counts."""

import pytest

from bench.gateway_fanout import figures_of_flood
from tests.servers.needs import require, two_cores

pytestmark = pytest.mark.thorough


def test_both_sides_of_the_flood_deliver_what_they_count() -> None:
    require("test", "taskset", two_cores)
    figures = {name: value for name, value, _unit, _ratio in figures_of_flood(0.2, 1, 20)}
    assert len(figures) == 8
    assert min(figures.values()) > 0
