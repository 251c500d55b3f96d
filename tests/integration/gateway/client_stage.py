"""A stage for client code: the market, sites of other origins, and pages made of files of ``client_code``.

``stage`` is the fixture, one for each module of tests. Pages import what ``web/node_modules`` holds.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.stores.publish import publish
from gateway.stores.redis_pool import open_redis
from tests.integration.gateway.browser import Browser, Site
from tests.integration.gateway.live_market import LiveMarket
from tests.integration.web.node import bundle, web_modules

__all__ = ["CODE", "Stage", "stage"]

CODE = Path(__file__).parent / "client_code"


class Stage:
    """The market, a site whose origin the gateway lets in and one that it doesn't, and a folder with the packages."""

    def __init__(self, market: LiveMarket, folder: Path, allowed: Site, foreign: Site) -> None:
        self.market, self.folder, self.allowed, self.foreign = market, folder, allowed, foreign
        self._pages = 0

    def open(self, *parts: str, replaced: dict[str, str] | None = None, foreign: bool = False) -> Browser:
        """A page of files of ``client_code`` (or text with a line end), one after the other."""
        source = self.source(*parts, replaced=replaced)
        site = self.foreign if foreign else self.allowed
        script = bundle(source)
        return Browser(self.folder / f"profile-{source.stem}", site.page(script, source.stem))

    def source(self, *parts: str, replaced: dict[str, str] | None = None) -> Path:
        """The file of that page."""
        text = (CODE / "pages" / "prelude.ts").read_text()
        for part in parts:
            text += "\n" + (part if "\n" in part else (CODE / part).read_text())
        for old, new in (replaced or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        self._pages += 1
        source = self.folder / f"page-{self._pages}.tsx"
        source.write_text(self.market.fitted(text))
        return source

    def publish(self, name: str, **data: Any) -> None:
        async def write() -> None:
            redis = open_redis(self.market.settings.redis_url, 5_000)
            await publish(redis, name, json.dumps(data).encode())
            await redis.aclose(close_connection_pool=True)

        asyncio.run(write())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str, clickhouse_dsn: str) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("client-code")
    web_modules()
    (folder / "websocket-client.ts").write_text((CODE / "pages" / "websocket-client.ts").read_text())
    (folder / "site").mkdir()
    with ExitStack() as exits:
        allowed = exits.enter_context(Site(folder / "site", "app.localhost"))
        foreign = exits.enter_context(Site(folder / "site", "other.localhost"))
        market = LiveMarket(folder, kafka_bootstrap, clickhouse_dsn, (allowed.origin,))
        exits.enter_context(market)
        yield Stage(market, folder, allowed, foreign)
