"""The page's list with as many symbols as one gateway is made for: all are there, few are followed, none is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bench.gateway_market import fill
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.integration.web.chromium import Visit
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

SYMBOLS = 24_000
ROWS_MAX = 60
WATCHED = "document.querySelectorAll('.row').length"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayCommand]:
    folder = tmp_path_factory.mktemp("many")
    with RedisServer(folder) as redis:
        fill(redis.url, SYMBOLS)
        with running_gateway(folder, redis.url) as gateway:
            yield gateway


def test_a_list_of_24_000_symbols(crowd: GatewayCommand, browser: Browser, tmp_path: Path) -> None:
    with Visit(browser, crowd.rest) as visit:
        page = visit.open().page
        expect(page.locator(".watch-foot")).to_have_text("24,000 symbols", timeout=30_000)
        names = page.locator(".row .symbol")
        first = names.first.inner_text()
        assert page.evaluate(WATCHED) < ROWS_MAX, "rows out of sight are no elements"
        page.locator(".table-body").focus()
        page.keyboard.press("End")
        expect(names.filter(has_text=first)).to_have_count(0)
        assert page.evaluate(WATCHED) < ROWS_MAX
        last = page.locator(f".row[aria-rowindex='{SYMBOLS + 1}'] .symbol").inner_text()
        page.get_by_role("button", name="Price", exact=True).click()
        expect(page.locator("[role=columnheader].price")).to_have_attribute("aria-sort", "descending")
        page.locator("#search").fill(last)
        expect(names.first).to_have_text(last)
        expect(page.locator(".row .price").first).not_to_have_text("–")
        page.locator(".row").first.click()
        expect(page.locator(".legend h2").first).to_contain_text(last)
        assert visit.elsewhere() == []
