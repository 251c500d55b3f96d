"""Fixtures of tests of the page: a demo to look at, for all of them, and a Chromium to look with, for each module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.integration.gateway.demo_command import DemoCommand, running_demo
from tests.integration.web.chromium import chromium


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCommand]:
    """``tapeflow demo``, whose market runs until the folder's last test is done; then it must prove itself."""
    with running_demo(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened
