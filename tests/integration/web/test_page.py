"""The page of a running demo in Chromium: it loads clean, from one host, and for people of all kinds."""

import pytest
from playwright.sync_api import Browser, Response

from tests.integration.gateway.demo_command import DemoCommand
from tests.integration.web.chromium import Visit

FIRST_PAINT_MS = 2_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_without_an_error_a_breach_or_another_host(demo: DemoCommand, browser: Browser, scheme: str) -> None:
    with Visit(browser, demo.rest, scheme=scheme) as visit:
        visit.open().page.wait_for_selector("h1", state="attached")
        assert "tapeflow" in visit.page.title()
        assert visit.is_clean()
        assert len(visit.asked) > 1, "a page without a script"


@pytest.mark.thorough
def test_browsers_keep_what_has_a_hash_and_ask_for_the_rest_anew(demo: DemoCommand, browser: Browser) -> None:
    kept: dict[str, str] = {}

    def keep(answer: Response) -> None:
        kept[answer.url] = answer.headers.get("cache-control", "")

    with Visit(browser, demo.rest) as visit:
        visit.page.on("response", keep)
        visit.open().page.wait_for_load_state()
        assert kept[demo.page] == "no-cache"
        assets = [url for url in kept if "/assets/" in url]
        assert assets
        assert all(kept[url] == "public, max-age=31536000, immutable" for url in assets)
        visit.page.reload()
        sizes = visit.page.evaluate(
            "performance.getEntriesByType('resource')"
            ".filter((each) => each.name.includes('/assets/')).map((each) => each.transferSize)"
        )
        assert set(sizes) == {0}, "they came over the network again"


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(demo: DemoCommand, browser: Browser, scheme: str) -> None:
    with Visit(browser, demo.rest, scheme=scheme, still=True) as visit:
        visit.open().page.wait_for_selector("h1", state="attached")
        assert visit.axe() == []


@pytest.mark.thorough
def test_first_paint_comes_within_two_seconds(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        visit.open().page.wait_for_selector("h1", state="attached")
        painted = visit.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        assert 0 < painted < FIRST_PAINT_MS


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(360, 740), (1280, 800), (2560, 1440)], ids=["phone", "desk", "wall"])
def test_it_needs_no_scrolling_sideways(demo: DemoCommand, browser: Browser, size: tuple[int, int]) -> None:
    with Visit(browser, demo.rest, size=size) as visit:
        visit.open().page.wait_for_selector("h1", state="attached")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        visit.picture(f"page-{size[0]}")


def test_what_breaks_the_policy_would_be_seen(demo: DemoCommand, browser: Browser) -> None:
    with Visit(browser, demo.rest) as visit:
        visit.open().page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
        visit.page.wait_for_function("true")
        with pytest.raises(AssertionError, match="connect-src"):
            visit.is_clean()


@pytest.mark.thorough
def test_offline_and_a_slow_line_are_what_they_say(demo: DemoCommand, browser: Browser) -> None:
    ask = "fetch('/api/about').then((answer) => answer.status, () => 'away')"
    with Visit(browser, demo.rest) as visit:
        visit.open()
        assert visit.page.evaluate(ask) == 200
        visit.offline()
        assert visit.page.evaluate(ask) == "away"
        visit.offline(False)
        visit.slow(kbit_per_s=400, delay_ms=400)
        took_ms = visit.page.evaluate(
            """async () => {
              const began = performance.now();
              await fetch("/api/about", { cache: "no-store" });
              return performance.now() - began;
            }"""
        )
        assert took_ms >= 400
