"""The page of a demo with its desk: every pane of a dealing desk fills by itself."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.gateway.demo_command import running_demo
from tests.integration.web.chromium import Visit

pytestmark = pytest.mark.thorough

SHOWN = {"Routing": "ABOOK", "Providers": "OANDA", "Exposure": "BTC/USDT", "Alerts": "Exposure is"}
PATIENCE_MS = 60_000


def test_every_pane_of_the_desk_fills_by_itself(tmp_path: Path, browser: Browser) -> None:
    with running_demo(tmp_path, "--desk", "--prove-max", "1000") as demo, Visit(browser, demo.rest) as visit:
        page = visit.open("/").page
        for name, text in SHOWN.items():
            page.get_by_role("tab", name=name).click()
            expect(page.locator("#pane")).to_contain_text(text, timeout=PATIENCE_MS)
        assert visit.is_clean()
