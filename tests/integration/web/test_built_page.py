"""The page that the package carries is that of the sources: built anew it is the same. It is small and of one host."""

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest

from gateway.rest.pages import LOGO_STYLE
from tests.integration.web.node import ROOT, npm, web_modules

pytestmark = pytest.mark.thorough

CARRIED = ROOT / "gateway" / "dashboard"
PACKED_BYTES_MAX = 350_000
NAMED = {"www.w3.org", "react.dev", "www.tradingview.com", "127.0.0.1"}
"""Hosts in its text: names of namespaces, of React's errors, the link to the chart's maker, this machine."""


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "dashboard"
    done = npm("run", "build", "-w", "dashboard", TAPEFLOW_OUT=str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_fresh_build_is_the_same_byte_by_byte(built: Path) -> None:
    fresh, carried = files_of(built), files_of(CARRIED)
    assert fresh.keys() == carried.keys(), "gateway/dashboard is old: run make web"
    assert [name for name in fresh if fresh[name] != carried[name]] == [], "gateway/dashboard is old: run make web"


def test_it_is_small_enough_for_a_slow_line() -> None:
    packed = {name: len(gzip.compress(body)) for name, body in files_of(CARRIED).items()}
    assert sum(packed.values()) < PACKED_BYTES_MAX, packed


def test_it_names_no_host_that_it_could_ask() -> None:
    for name, body in files_of(CARRIED).items():
        if name != "licenses.txt":
            hosts = set(re.findall(r"(?:https?|wss?)://([a-z0-9.-]+)", body.decode("utf-8", "replace"), re.IGNORECASE))
            assert hosts <= NAMED, name


def test_licences_of_all_it_is_made_of_come_with_it() -> None:
    text = (CARRIED / "licenses.txt").read_text("utf-8")
    code = "".join(body.decode("utf-8", "replace") for name, body in files_of(CARRIED).items() if name.endswith(".js"))
    assert "react-dom 19" in text
    assert "Permission is hereby granted" in text
    if "tv-attr-logo" in code:
        assert re.search(r"lightweight-charts 5\.\S+ \(Apache-2\.0\)\n\nTradingView Lightweight Charts", text)
        assert "https://www.tradingview.com/" in text
        assert "https://www.tradingview.com/" in code
    assert 'href="/licenses.txt"' in (CARRIED / "index.html").read_text("utf-8")


def test_the_policy_allows_the_style_that_the_chart_library_makes() -> None:
    source = (web_modules() / "lightweight-charts/dist/lightweight-charts.production.mjs").read_text("utf-8")
    made = re.findall(r'createElement\("style"\),this\.\w+\.innerText="([^"]*)"', source)
    assert len(made) == source.count('createElement("style")') == 1
    digest = base64.b64encode(hashlib.sha256(made[0].encode()).digest()).decode()
    assert f"sha256-{digest}" == LOGO_STYLE
