"""What people do with the page of a running demo: look, search, choose, compare, save, come back by a copied link."""

import csv
import json
import os
import re
import subprocess
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from gateway.rest.flows import INGESTER, FlowsAnswer
from tests.integration.gateway.demo_command import DemoCommand
from tests.integration.gateway.gateway_command import COMMAND, ROOT
from tests.integration.gateway.rest_server import eventually
from tests.integration.web.chromium import Visit

PANES = ("Trades", "Figures", "Alerts", "Routing", "Providers", "Exposure", "System")
LIVE = ".bar-state[data-state=live]"
PUBLISHED = {
    "alerts": '{"severity":"critical","title":"Venue halted","symbols":["BTC/USDT"]}',
    "routing-metrics": '{"symbol":"EURUSD","side":"BUY","volume":2,"routingDecision":"ABOOK","executionTimeMs":12}',
    "lp-performance": '{"lpName":"OANDA","status":"connected","latencyMs":14}',
    "exposure-updates": '{"totalExposure":820000,"exposureLimit":1000000,"utilizationPct":82,"riskLevel":"warning",'
    '"bySymbol":{"EURUSD":-310000}}',
}
PANE_OF = {
    "alerts": "Alerts",
    "routing-metrics": "Routing",
    "lp-performance": "Providers",
    "exposure-updates": "Exposure",
}
SHOWN = {"alerts": "Venue halted", "routing-metrics": "ABOOK", "lp-performance": "OANDA", "exposure-updates": "EURUSD"}


def opened(visit: Visit, path: str = "/") -> Visit:
    """With a live bar in the first chart."""
    visit.open(path).page.wait_for_selector(LIVE)
    return visit


def test_a_live_market_without_an_error(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        expect(page.locator(".watch-foot")).to_have_text("50 symbols")
        expect(page.locator(".row").first.locator(".price")).not_to_have_text("–")
        expect(page.locator(".best")).to_have_text(re.compile(r"^Bid[\d\u202f.]+Ask[\d\u202f.]+Spread[\d.]+$"))
        before = page.locator(".figures").inner_text()
        page.wait_for_function("(before) => document.querySelector('.figures').innerText !== before", arg=before)
        assert visit.is_clean()


@pytest.mark.thorough
def test_every_interval(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        for interval in ("5m", "15m", "1h", "4h", "1D", "1W", "1m"):
            page.get_by_role("button", name=interval, exact=True).click()
            expect(page.locator(".legend small")).to_have_text(interval)
            page.wait_for_selector(LIVE)
        page.keyboard.press("Escape")
        page.locator("body").press("4")
        expect(page.locator(".legend small")).to_have_text("1h")
        assert visit.is_clean()


@pytest.mark.thorough
def test_search_order_and_a_chart_beside(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        page.keyboard.type("eth")
        expect(page.locator("#search")).to_have_value("eth")
        names = page.locator(".row .symbol")
        expect(names.first).to_contain_text("ETH")
        assert all("ETH" in name for name in names.all_inner_texts())
        page.keyboard.press("ArrowDown")  # into the list
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".chart-cell")).to_have_count(2)
        page.locator("#search").fill("")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.locator("[role=columnheader].change")).to_have_attribute("aria-sort", "descending")
        shown = set(page.locator(".legend h2").all_inner_texts())
        address = page.url
        assert "sort=-change" in address
        with Visit(browser, demo.rest) as other:  # a copied address shows the same
            other.page.goto(address)
            other.page.wait_for_selector(LIVE)
            expect(other.page.locator(".chart-cell")).to_have_count(2)
            assert set(other.page.locator(".legend h2").all_inner_texts()) == shown
        page.get_by_role("button", name=re.compile("Close the chart")).last.click()
        expect(page.locator(".chart-cell")).to_have_count(1)
        assert visit.is_clean()


@pytest.mark.thorough
def test_a_watchlist_is_kept(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit, "/?s=ETH/USDT").page
        page.get_by_role("button", name="New watchlist").click()
        page.get_by_label("Name of the new watchlist").fill("Mine")
        page.keyboard.press("Enter")
        expect(page.locator(".watch-foot")).to_have_text("1 symbol")
        page.reload()
        expect(page.locator(".watch-foot")).to_have_text("1 symbol")
        expect(page.locator(".row .symbol")).to_have_text(["ETH/USDT"])
        page.get_by_role("button", name="Take ETH/USDT out of Mine").click()
        expect(page.locator(".watch-foot")).to_have_text("0 symbols")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete watchlist Mine").click()
        expect(page.locator(".watch-foot")).to_have_text("50 symbols")
        assert visit.is_clean()


@pytest.mark.thorough
def test_a_watchlist_follows_what_it_holds(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page, sent = visit.page, list[dict[str, object]]()
        page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(json.loads(text))))
        opened(visit, "/?s=UNI/USDT")  # far below what is in sight

        def told(*kinds: str) -> None:
            """Until just this was sent of the symbol's ticker; a turn of the page lets its messages in."""
            eventually(lambda: (page.evaluate("1"), about(sent, "UNI/USDT"))[1] == list(kinds), 20)

        told("subscribe")  # its chart shows bid and ask
        page.get_by_role("button", name="New watchlist").click()
        page.get_by_label("Name of the new watchlist").fill("Watched")
        page.keyboard.press("Enter")
        expect(page.locator(".watch-foot")).to_have_text("1 symbol")
        lists = page.get_by_label("Watchlist", exact=True)
        lists.select_option(label="All symbols")
        page.locator(".row").first.click()
        told("subscribe", "unsubscribe")
        lists.select_option(label="Watched (1)")
        told("subscribe", "unsubscribe", "subscribe")
        page.get_by_role("button", name=re.compile("^Put .* into Watched$")).click()
        expect(page.locator(".watch-foot")).to_have_text("2 symbols")
        page.get_by_role("button", name=re.compile("^Take .* out of Watched$")).click()
        expect(page.locator(".watch-foot")).to_have_text("1 symbol")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete watchlist Watched").click()
        expect(page.locator(".watch-foot")).to_have_text("50 symbols")
        told("subscribe", "unsubscribe", "subscribe", "unsubscribe")
        assert visit.is_clean()


@pytest.mark.thorough
def test_bars_are_saved_with_every_digit(demo: DemoCommand, browser: Browser, tmp_path: Path) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit, "/?s=BTC/USDT&i=5m").page
        page.locator(".chart-cell").hover()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the bars of BTC/USDT as CSV").click()
        assert download.value.suggested_filename == "BTC-USDT-5m.csv"
        download.value.save_as(tmp_path / "bars.csv")
        with (tmp_path / "bars.csv").open() as file:
            rows = list(csv.DictReader(file))
        answer = page.request.get(f"{demo.rest}/api/ohlc/BTC%2FUSDT?timeframe=5m&limit=1000")
        by_time = {bar["time"]: bar for bar in _exact(answer.body())}
        finals = [row for row in rows if row["final"] == "true"]
        assert len(finals) > 3
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        for row in finals:
            bar = by_time[_ms(row["time"])]
            if bar["revision"] == int(row["revision"]):
                assert all(Decimal(row[name]) == bar[name] for name in ("open", "high", "low", "close", "volume"))


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_pane(demo: DemoCommand, browser: Browser, scheme: str) -> None:
    with Visit(browser, demo.rest, scheme=scheme, still=True) as visit:
        page = opened(visit, "/?s=BTC/USDT,ETH/USDT").page
        for pane in PANES:
            page.get_by_role("tab", name=pane).click()
            page.wait_for_selector("#pane .scroll, #pane .empty")
            assert visit.axe() == [], pane
        assert visit.is_clean()


@pytest.mark.thorough
def test_what_is_published_is_shown_at_once(demo: DemoCommand, browser: Browser) -> None:
    told = {**os.environ, "PYTHONPATH": str(ROOT), **demo.gateway_settings()}
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        for channel, message in PUBLISHED.items():
            done = subprocess.run(
                [*COMMAND, "publish", channel, message],
                env=told, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            page.get_by_role("tab", name=PANE_OF[channel]).click()
            expect(page.locator("#pane")).to_contain_text(SHOWN[channel])
        page.get_by_role("tab", name="System").click()
        expect(page.locator("#pane")).to_contain_text("history")
        expect(page.locator("#pane .problem")).to_have_count(0)
        expect(page.get_by_role("row", name=re.compile("^live")).locator("[data-way=up]")).to_be_visible()
        assert visit.is_clean()


@pytest.mark.thorough
def test_venues_that_are_ingested_stand_under_system(demo: DemoCommand, browser: Browser) -> None:
    """No demo ingests, so the gateway's answer is its documented example."""
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        page.route("**/health/flows", lambda route: route.fulfill(json=msgspec.to_builtins(FlowsAnswer([INGESTER]))))
        page.get_by_role("tab", name="System").click()
        row = page.get_by_role("table", name="Venues that are ingested").get_by_role("row", name=re.compile("^bitget"))
        expect(row.get_by_role("cell")).to_have_text(
            ["10", "411", "61 · 190 ms", "4.2 · 9.7 ms", "38.4 ms", "3 filled"]
        )
        assert visit.is_clean()


def test_trades_and_figures(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        page = opened(visit).page
        expect(page.locator(".tape tbody tr").nth(20)).to_be_visible()
        times = page.locator(".tape tbody td:first-child").all_inner_texts()
        assert len(times) > 20
        page.get_by_role("tab", name="Figures").click()
        expect(page.locator(".pairs").nth(1)).to_contain_text("Average (VWAP)")
        page.get_by_label("Period").select_option("1h")
        expect(page.locator(".pairs").nth(1)).to_contain_text("Trades")
        assert visit.is_clean()


@pytest.mark.thorough
def test_two_tabs_have_connections_of_their_own(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as one:
        page = opened(one).page
        with Visit(browser, demo.rest) as two:
            opened(two, "/?s=ETH/USDT")
        before = page.locator(".figures").inner_text()
        page.wait_for_function("(before) => document.querySelector('.figures').innerText !== before", arg=before)
        assert one.is_clean()


@pytest.mark.thorough
def test_a_slow_line_is_enough(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        visit.slow(kbit_per_s=1_600, delay_ms=150)  # 3G, as browsers' tools have it
        page = opened(visit).page
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        assert visit.is_clean()


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["Chart", "Symbols", "More"])
def test_a_phone_shows_one_part_at_a_time(demo: DemoCommand, browser: Browser, part: str) -> None:
    with Visit(browser, demo.rest, size=(390, 844)) as visit:
        page = opened(visit).page
        page.get_by_role("navigation").get_by_role("button", name=part).click()
        shown = [name for name in (".charts", ".watch", ".pane") if page.locator(name).is_visible()]
        assert shown == [{"Chart": ".charts", "Symbols": ".watch", "More": ".pane"}[part]]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.axe() == []
        assert visit.is_clean()


def about(sent: list[dict[str, object]], symbol: str) -> list[object]:
    """Kinds of the messages about one symbol's ticker, in order."""
    return [message["type"] for message in sent if symbol in str(message.get("symbols"))]


def _exact(body: bytes) -> list[dict[str, object]]:
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


def _ms(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)
