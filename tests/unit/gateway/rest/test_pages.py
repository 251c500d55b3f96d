"""The dashboard as it is sent: what browsers may keep, what they may run, and what is there where the page isn't."""

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.rest.app import create_app
from gateway.rest.pages import CONTENT_TYPES, page_files
from runtime.settings.whole import Settings

HOME = Path(__file__).parents[4]
DASHBOARD = HOME / "gateway" / "dashboard"
SECRET = "a-secret-of-the-page-a-secret-of-the-page"
ASSET = "/assets/" + next(path.name for path in sorted((DASHBOARD / "assets").glob("*.js")))


class Answer:
    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body = b"".join(each.get("body", b"") for each in sent[1:])


def ask(app: Starlette, path: str, method: str = "GET", query: bytes = b"", **headers: str) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given = {"host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # narrower than ASGI's types
    return Answer(sent)


@pytest.fixture(scope="module")
def app() -> Starlette:
    return create_app(Settings())


def test_the_bare_address_is_the_page(app: Starlette) -> None:
    page = ask(app, "/")
    assert (page.status, page.body) == (200, (DASHBOARD / "index.html").read_bytes())
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert int(page.headers["content-length"]) == len(page.body)


def test_what_has_a_hash_in_its_name_is_kept_for_a_year(app: Starlette) -> None:
    asset = ask(app, ASSET)
    assert (asset.status, asset.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert asset.headers["content-type"] == "text/javascript; charset=utf-8"
    assert asset.body == (DASHBOARD / ASSET[1:]).read_bytes()


def test_every_name_below_assets_has_one() -> None:
    named = [path.name for path in (DASHBOARD / "assets").iterdir()]
    assert named
    assert all(re.fullmatch(r"[\w.-]+-[\w-]{8}\.\w+", name) for name in named), named


@pytest.mark.parametrize("path", ["/", ASSET])
def test_it_is_packed_beforehand_and_answered_304_while_the_same(app: Starlette, path: str) -> None:
    plain, packed = ask(app, path), ask(app, path, accept_encoding="br, gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    for answer in (plain, packed):
        assert answer.headers["vary"].startswith("accept-encoding")
    assert plain.headers["etag"] == packed.headers["etag"]
    same = ask(app, path, if_none_match=plain.headers["etag"])
    assert (same.status, same.body) == (304, b"")
    assert same.headers["cache-control"] == plain.headers["cache-control"]
    assert ask(app, path, if_none_match='W/"of another"').status == 200


@pytest.mark.parametrize("path", ["/", ASSET])
def test_head_is_the_same_without_a_body(app: Starlette, path: str) -> None:
    full, head = ask(app, path), ask(app, path, "HEAD")
    assert (head.status, head.headers, head.body) == (full.status, full.headers, b"")


def test_the_query_is_the_page_s_own_affair(app: Starlette) -> None:
    assert ask(app, "/", query=b"symbol=BTC%2FUSDT&symbol=ETH%2FUSDT&anything").status == 200


def test_it_may_load_from_this_server_alone_and_nothing_may_frame_it(app: Starlette) -> None:
    for path in ("/", ASSET):
        headers = ask(app, path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in headers["content-security-policy"]
        assert "*" not in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/index.html", "/assets", "/assets/", "/assets/none.js", "/chart/BTC", "/assets/../x"]
)
def test_what_is_not_there_is_the_404_of_all_others(app: Starlette, path: str) -> None:
    answer = ask(app, path)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")


def test_it_takes_no_other_method(app: Starlette) -> None:
    answer = ask(app, "/", "POST")
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_without_tokens_only_local_names_get_it_and_with_them_all_do(app: Starlette) -> None:
    assert ask(app, "/", host="localhost:8080").status == 200
    refused = ask(app, "/", host="elsewhere.example")
    assert (refused.status, refused.headers["content-type"]) == (403, "application/json")
    closed = create_app(Settings(gateway_token_secret=SECRET))
    assert ask(closed, "/", host="elsewhere.example").status == 200, "the page needs no token, its data does"
    assert ask(closed, "/api/symbols", host="elsewhere.example").status == 401


def test_where_it_is_not_wanted_the_address_leads_to_the_document() -> None:
    off = create_app(Settings(gateway_dashboard=False))
    answer = ask(off, "/")
    assert (answer.status, answer.headers["location"]) == (307, "/docs")
    assert ask(off, ASSET).status == 404


def test_where_the_package_was_built_without_it_likewise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gateway.rest.pages.files", lambda _package: tmp_path)
    answer = ask(create_app(Settings()), "/")
    assert (answer.status, answer.headers["location"]) == (307, "/docs")


def test_files_beside_the_index_are_asked_for_anew_and_all_kinds_are_known(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "licenses.txt", "assets/a-12345678.css", "assets/b-12345678.woff2"):
        (tmp_path / name).write_bytes(name.encode())
    found = dict(page_files(tmp_path))
    assert set(found) == {"/", "/licenses.txt", "/assets/a-12345678.css", "/assets/b-12345678.woff2"}
    assert found["/licenses.txt"].cache_control == b"no-cache"
    assert found["/licenses.txt"].packed is None, "it would be no smaller"
    assert found["/assets/b-12345678.woff2"].content_type == b"font/woff2"
    kinds = {path.suffix[1:] for path in DASHBOARD.rglob("*.*")}
    assert kinds <= CONTENT_TYPES.keys()


def test_its_routes_stand_beside_the_others(app: Starlette) -> None:
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    assert len(paths) == len(set(paths))
