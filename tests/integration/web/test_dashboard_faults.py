"""The page while things go wrong: tokens end, a gateway dies, a socket never opens, the network leaves.

The market runs forty times as fast as ours, so that a one-minute bar ends every second and a half, and late trades
revise bars that ended. What the page saves in the end must equal what history has, bar by bar.
"""

import csv
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.integration.gateway.gateway_command import running_gateway
from tests.integration.gateway.live_market import LiveMarket
from tests.integration.gateway.rest_server import eventually
from tests.integration.web.chromium import Visit

pytestmark = pytest.mark.thorough

SYMBOL = "BTC/USDT"
LIVE = ".bar-state[data-state=live]"
VALUES = ("open", "high", "low", "close", "volume", "quoteVolume", "tradeCount", "revision")
MINUTE_US = 60_000_000


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str, clickhouse_dsn: str) -> Iterator[LiveMarket]:
    with LiveMarket(tmp_path_factory.mktemp("faults"), kafka_bootstrap, clickhouse_dsn, ()) as running:
        yield running


def light(page: Page, word: str, within_ms: int = 30_000) -> None:
    expect(page.locator(".tapeflow-status [role=status]")).to_have_text(word, timeout=within_ms)


def saved(page: Page, folder: Path) -> dict[int, dict[str, str]]:
    """The bars that the page holds, by their start in ms."""
    page.locator(".chart-cell").first.hover()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save the bars of {SYMBOL} as CSV").click()
    download.value.save_as(folder / "bars.csv")
    with (folder / "bars.csv").open() as file:
        rows = list(csv.DictReader(file))
    times = [row["time"] for row in rows]
    assert times == sorted(set(times)), "each time once, in order"
    return {int(datetime.fromisoformat(row["time"]).timestamp() * 1000): row for row in rows}


def differences(page: Page, market: LiveMarket, folder: Path) -> list[str]:
    """Of the bars that ended a while ago; empty when the page holds what history has, without a hole."""
    held = saved(page, folder)
    before_ms = market.now_us // 1000 - 10 * 60_000
    first_ms = min(held)
    rows = market.get(
        f"/api/ohlc/BTC%2FUSDT?timeframe=1m&limit=1000&order=asc&startTime={first_ms}&endTime={before_ms}"
    )
    wrong = [] if len(rows) > 5 else [f"only {len(rows)} bars ended so long ago"]
    for row in rows:
        bar = held.get(int(row["time"]))
        if bar is None:
            wrong.append(f"{row['time']} is missing")
        elif any(Decimal(bar[name]) != Decimal(row[name]) for name in VALUES):
            wrong.append(f"{bar} is {row}")
    return wrong


def give_token(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Use this token").click()
    page.mouse.move(0, 0)  # away from the chart, which tells of the bar that is pointed at


def closes(page: Page, count: int) -> None:
    """Waits until so many bars ended."""
    newest = "Number(document.querySelector('.chart').dataset.newest)"
    begun = page.evaluate(newest)
    page.wait_for_function(f"(until) => {newest} >= until", arg=begun + count * 60_000, timeout=60_000)


def test_history_and_live_meet_across_closes_and_revisions(
    market: LiveMarket, browser: Browser, tmp_path: Path
) -> None:
    with Visit(browser, market.gateway.rest) as visit:
        page = visit.open(f"/?token={market.token}&s={SYMBOL}").page
        page.wait_for_selector(LIVE)
        assert "token" not in page.url
        for _ in range(3):
            market.send_late(SYMBOL, 5 * MINUTE_US)
            closes(page, 3)
        eventually(lambda: differences(page, market, tmp_path) == [], 20)
        assert visit.is_clean()


def test_it_asks_for_a_token_and_goes_on_when_one_ends(market: LiveMarket, browser: Browser, tmp_path: Path) -> None:
    with Visit(browser, market.gateway.rest) as visit:
        page = visit.open(f"/?s={SYMBOL}").page
        expect(page.get_by_role("dialog")).to_contain_text("asks for a token")
        assert visit.axe() == []
        ends_soon = market.gateway.token("trader-1", role="trader", lifetime_s=60)
        give_token(page, ends_soon)
        page.wait_for_selector(LIVE, timeout=60_000)
        expect(page.get_by_role("dialog")).to_contain_text("ended", timeout=90_000)
        give_token(page, market.token)
        light(page, "Live")
        closes(page, 2)
        eventually(lambda: differences(page, market, tmp_path) == [], 20)


def test_a_gateway_that_dies_and_comes_back(market: LiveMarket, browser: Browser, tmp_path: Path) -> None:
    changed = market.settings.model_dump(exclude_unset=True)
    redis_url = changed.pop("redis_url")
    with running_gateway(tmp_path, redis_url, **changed) as first:
        settings = first.settings
        visit = Visit(browser, first.rest)
        with visit:
            page = visit.open(f"/?token={market.token}&s={SYMBOL}&pane=system").page
            page.wait_for_selector(LIVE)
            light(page, "Live")
            first.process.send_signal(signal.SIGKILL)
            light(page, "Reconnecting...")
            expect(page.locator("#pane .problem")).to_contain_text("The gateway does not answer", timeout=30_000)
            eventually(lambda: not _answers(first.rest), 20)
            port = {"gateway_port": settings.gateway_port}
            (tmp_path / "again").mkdir()
            with running_gateway(tmp_path / "again", redis_url, **{**changed, **port}):
                light(page, "Live", within_ms=60_000)
                closes(page, 3)
                eventually(lambda: differences(page, market, tmp_path) == [], 30)
                expect(page.locator("#pane")).to_contain_text("Gaps mended")


def test_ten_failures_lead_to_polling_and_back(market: LiveMarket, browser: Browser) -> None:
    refused = {"now": True}

    def route(socket: WebSocketRoute) -> None:
        if refused["now"]:
            socket.close(code=1011)
        else:
            socket.connect_to_server()

    with Visit(browser, market.gateway.rest) as visit:
        page = visit.page
        page.route_web_socket("**/ws/**", route)
        page.clock.install()
        visit.open(f"/?token={market.token}&s={SYMBOL}")
        for _ in range(12):
            page.clock.run_for(31_000)
        light(page, "Delayed")
        expect(page.locator(".row .price").first).not_to_have_text("–")
        page.clock.run_for(31_000)
        page.wait_for_selector(".figures")  # history is there without the socket
        refused["now"] = False
        page.clock.run_for(31_000)
        page.clock.resume()
        light(page, "Live")


def test_a_network_that_leaves_and_returns(market: LiveMarket, browser: Browser, tmp_path: Path) -> None:
    with Visit(browser, market.gateway.rest) as visit:
        page = visit.open(f"/?token={market.token}&s={SYMBOL}").page
        page.wait_for_selector(LIVE)
        visit.offline()
        page.evaluate("dispatchEvent(new Event('offline'))")
        light(page, "Reconnecting...", within_ms=60_000)
        visit.offline(False)
        light(page, "Live", within_ms=60_000)
        closes(page, 2)
        eventually(lambda: differences(page, market, tmp_path) == [], 20)


def _answers(place: str) -> bool:
    try:
        with urllib.request.urlopen(place + "/health", timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False
