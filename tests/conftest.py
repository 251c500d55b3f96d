"""Servers for every test that asks for one; each is declared in tests/servers.

Where pytest has several processes (``-n 2``), the tests of a file run in one of them, one after the other, and each
process has servers of its own. So a file may count on its order and on its module's fixtures. Files are given out in
order: those marked ``long`` first, the many short ones of tests/unit last. The files that look at the page share one
process: several browsers beside several demos would leave none of them the time that its test allows.
Properties have no deadline: an example that meets a kernel which isn't compiled yet takes seconds.
"""

import gc
from collections.abc import Generator
from typing import Any

import numba
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

pytest_plugins = [
    f"tests.servers.{name}"
    for name in (
        "needs",
        "kafka",
        "redis",
        "redis_cluster",
        "clickhouse",
        "helm",
        "prometheus",
        "compose",
        "otlp",
        "jaeger",
    )
]

settings.register_profile("tests", deadline=None)
settings.register_profile("quick", settings.get_profile("tests"))
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Laws look at fewer examples (tests/property/trade_batches.py) where long tests are left out."""
    if config.option.markexpr == "not thorough":
        settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What was collected stays until the end: looking through it for garbage again and again took a sixth of a law's
    time, and a quarter of the collection's own."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


PAGE = "tests/integration/web/"


class ByFile(LoadFileScheduling):
    """Gives out a file at a time, those about the page together."""

    def _split_scope(self, nodeid: str) -> str:
        return PAGE if nodeid.startswith(PAGE) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; leave out what needs the compiler where it is off."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if numba.config.DISABLE_JIT:
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(pytest.mark.skip(reason="kernels run as plain Python"))
