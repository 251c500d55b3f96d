"""Fixtures of tests of the page: a demo to look at, for all of them, and a Chromium to look with, for each module."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.integration.gateway.demo_command import DemoCommand, running_demo
from tests.integration.web.chromium import chromium

HERE = Path(__file__).parent
RUNNING = pytest.StashKey[tuple[ExitStack, DemoCommand]]()


@pytest.fixture
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DemoCommand:
    """``tapeflow demo``, whose market runs until the folder's last test is done; then it must prove itself."""
    stash = request.config.stash
    if RUNNING not in stash:
        ends = ExitStack()
        stash[RUNNING] = ends, ends.enter_context(running_demo(tmp_path_factory.mktemp("page")))
    return stash[RUNNING][1]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of this folder the demo ends: beside other tests it would only take their time."""
    if RUNNING in item.config.stash and (nextitem is None or not nextitem.path.is_relative_to(HERE)):
        ends, _ = item.config.stash[RUNNING]
        del item.config.stash[RUNNING]
        ends.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened
