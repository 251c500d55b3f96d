"""Debian's Chromium in the hands of Playwright: a visit of a page, and all that went wrong during it.

A ``Visit`` is one page in a profile of its own: size, colour scheme and language are the test's, and so is the network,
which may be slow or away. It keeps every error of the console, every breach of the page's policy and every address that
was asked for; ``is_clean`` looks at them. ``axe`` looks for what keeps people with a screen reader or a keyboard out.
"""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebSocket, sync_playwright

from tests.integration.web.node import ROOT, web_modules
from tests.servers.needs import must_have

__all__ = ["PICTURES", "Visit", "chromium"]

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
PICTURES = ROOT / "build" / "pictures"
TELL_BREACHES = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. While it is open its thread has a running loop, so none of a test's own may run."""
    must_have("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A context manager. ``place``: the address of the site, without a path."""

    def __init__(
        self,
        browser: Browser,
        place: str,
        *,
        scheme: Literal["light", "dark"] = "light",
        size: tuple[int, int] = (1280, 800),
        still: bool = False,
    ) -> None:
        self.place = place
        self.errors: list[str] = []
        self.asked: list[str] = []
        width, height = size
        self._context = browser.new_context(
            base_url=place,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            reduced_motion="reduce" if still else "no-preference",
            locale="en-US",
            timezone_id="UTC",
        )
        self._context.add_init_script(TELL_BREACHES)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("request", self._requested)
        self.page.on("websocket", self._connected)

    def open(self, path: str = "/") -> Self:
        self.page.goto(path)
        return self

    def elsewhere(self) -> list[str]:
        """Addresses of other hosts or ports that were asked for."""
        ours = urlsplit(self.place).netloc
        return [
            url for url in self.asked if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != ours
        ]

    def is_clean(self) -> bool:
        """Nothing in the console, no breach, no other host; raises AssertionError that says what."""
        assert not self.errors, "\n".join(self.errors)
        assert not self.elsewhere(), self.elsewhere()
        return True

    def axe(self) -> list[str]:
        """What axe-core finds on the page as it stands, a line each."""
        self.page.evaluate((web_modules() / "axe-core" / "axe.min.js").read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [
            f"{each['id']}: {each['help']}: {', '.join(str(node['target'][0]) for node in each['nodes'][:3])}"
            for each in found["violations"]
        ]

    def offline(self, away: bool = True) -> None:
        self._context.set_offline(away)

    def slow(self, *, kbit_per_s: float, delay_ms: float) -> None:
        """From now on the network is no faster than this, both ways."""
        session = self._context.new_cdp_session(self.page)
        rate = kbit_per_s * 1000 / 8
        speed = {"offline": False, "latency": delay_ms, "downloadThroughput": rate, "uploadThroughput": rate}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", speed)

    def picture(self, name: str) -> None:
        """What it looks like now, into PICTURES."""
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location['url']}")

    def _requested(self, request: Request) -> None:
        self.asked.append(request.url)

    def _connected(self, socket: WebSocket) -> None:
        self.asked.append(socket.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()
