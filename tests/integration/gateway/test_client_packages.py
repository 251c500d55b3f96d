"""Published usages of the clients, with imports that point at the packages: strict TypeScript takes them, and they run.

``client_code`` holds the usages; ``client_code/packages`` what surrounds them. The packages are built, so it is their
JavaScript and types that are used, never their sources. A page of another origin runs each usage against a gateway that
asks for tokens.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.gateway.browser import Browser
from tests.integration.gateway.client_stage import CODE, Stage
from tests.integration.web.node import bundle, npm, web_modules

pytestmark = pytest.mark.thorough

STRICT = ("--strict", "--noEmit", "--skipLibCheck", "--target", "es2022", "--module", "esnext", "--moduleResolution",
          "bundler", "--jsx", "react-jsx", "--lib", "es2023,dom,dom.iterable", "--noUnusedParameters")  # fmt: skip


@pytest.fixture(scope="module")
def packages(stage: Stage) -> Stage:
    built = npm("run", "build", "-w", "client", "-w", "react")
    assert built.returncode == 0, built.stdout + built.stderr
    modules = stage.folder / "node_modules"
    modules.symlink_to(web_modules())
    return stage


def checked(stage: Stage, source: Path) -> Path:
    """``source``, which the strict compiler takes."""
    command = [str(stage.folder / "node_modules" / ".bin" / "tsc"), *STRICT, str(source)]
    done = subprocess.run(command, cwd=stage.folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return source


def opened(stage: Stage, *parts: str, replaced: dict[str, str] | None = None) -> Browser:
    """The page of ``parts``, which is only opened if the strict compiler takes it."""
    source = checked(stage, stage.source(*parts, replaced=replaced))
    page = stage.allowed.page(bundle(source), source.stem)
    return Browser(stage.folder / f"profile-{source.stem}", page)


def usage(name: str) -> str:
    """What a published file says after its word "Usage"."""
    return (CODE / name).read_text().partition("// Usage\n")[2]


def test_event_client(packages: Stage) -> None:
    imported = 'import { EventClient } from "@tapeflow/client";\n'
    checked(packages, packages.source(imported, usage("event_client.ts")))
    elsewhere = {"'token123'": '{ url: "http://GATEWAY", token: "TOKEN" }'}
    with opened(packages, imported, usage("event_client.ts"), "packages/events.ts", replaced=elsewhere) as page:
        page.until("state OPEN")
        packages.publish("news", title="Fed announces rate decision", source="Reuters", timestamp=1705690245123)
        assert "FED ANNOUNCES RATE DECISION Reuters" in page.until("News:")
        packages.publish("price_alert", symbol="AAPL", price=150.25, alert_type="threshold_exceeded", threshold=150.0)
        assert "AAPL 0.25" in page.until("Price Alert:")
        packages.publish("system_status", status="maintenance_window", duration=60, affected_symbols=["AAPL", "GOOGL"])
        assert "maintenance_window 2" in page.until("System Status:")
        assert not [line for line in page.printed if line.startswith("error")]


def test_with_retry(packages: Stage) -> None:
    before = 'import { withRetry } from "@tapeflow/client";\nconst symbol = "AAPL";\n(async () => {\n'
    url = {"`/api/prices/${symbol}`": "`http://GATEWAY/api/prices/${symbol}?token=TOKEN`"}
    with opened(packages, before, usage("with_retry.ts"), "tell(price); })();\n", replaced=url) as page:
        assert page.result()["symbol"] == "AAPL"


def test_analytics_websocket(packages: Stage) -> None:
    places = {"'./websocket-client'": "'@tapeflow/client'", "jwtToken": "'TOKEN'",
              "'ws://localhost:7999/ws/analytics'": "'ws://GATEWAY/ws/analytics'"}  # fmt: skip
    shown = "".join(
        f"function {name}(data: object) {{ tell(['{name}', data]); }}\n"
        for name in ("updateRoutingDashboard", "updateLPStatus", "updateExposureGauge", "showAlert")
    )
    opening = (
        "client.onConnectionChange((state) => state === 'OPEN' && setTimeout(() => console.log('joined'), 500));\n"
    )
    routing = {"symbol": "EURUSD", "side": "BUY", "volume": 1.5, "routingDecision": "ABOOK", "lpSelected": "OANDA"}
    given = {"routing-metrics": routing, "lp-performance": {"lpName": "OANDA", "uptime": 99.9},
             "exposure-updates": {"totalExposure": 900000.5, "bySymbol": {"EURUSD": 1}},
             "alerts": {"id": "a1", "severity": "critical", "title": "Limit", "message": "over"}}  # fmt: skip
    with opened(packages, "analytics_usage.ts", shown, opening, replaced=places) as page:
        page.until("joined")
        for channel, data in given.items():
            packages.publish(channel, **data)
        told = dict(page.result() for _ in given)
    names = ("updateRoutingDashboard", "updateLPStatus", "updateExposureGauge", "showAlert")
    assert told == dict(zip(names, given.values(), strict=True))


def test_candles_hook(packages: Stage) -> None:
    imported = 'import { configure, useWebSocketCandles } from "@tapeflow/react";\n'
    configured = 'configure({ url: "ws://GATEWAY", token: "TOKEN" });\n'
    declared = (
        "const asPublished: () => Candle[] = () => [...useWebSocketCandles({ symbol: 'A', interval: '1m' }).candles];\n"
    )
    keeps = "console.log(typeof asPublished);\n"
    parts = (imported, configured, "candle.ts", declared, keeps, "pages/candles_hook.tsx")
    with opened(packages, *parts) as page:
        found = [page.result() for _ in range(8)]
    assert all(each["isConnected"] and each["out_of_order"] == 0 for each in found)
    assert [each["count"] for each in found] == list(range(found[0]["count"], found[0]["count"] + 8))


def test_stock_service(packages: Stage) -> None:
    declared = (
        (CODE / "stock_service_declared.ts").read_text().replace("class WebSocketService", "interface DeclaredService")
    )
    names = re.findall(r"^  (\w+)\(.*\): .*;$", declared, re.MULTILINE)
    assert len(names) == 14
    parts = ("packages/stock_types.ts", declared, "packages/stock_service.ts")
    with opened(packages, *parts, replaced={"DECLARED": json.dumps(names)}) as page:
        found, closed = page.result(), page.result()
    assert found["methods"] == names
    assert (found["active"], found["state"], found["connected"]) == (["RELIANCE", "TCS"], "OPEN", True)
    assert 0 <= found["age"] < 10_000
    assert 0 < found["latency"] < 10_000
    metrics = {"connectionState", "connectedAt", "lastMessageAt", "messageCount", "errorCount", "reconnectAttempts",
               "averageLatency", "activeSubscriptions"}  # fmt: skip
    assert found["metrics"].keys() == metrics
    assert (found["metrics"]["errorCount"], found["metrics"]["activeSubscriptions"]) == (0, 2)
    assert closed == {"closed": False}


def test_stock_hook_and_light(packages: Stage) -> None:
    with opened(packages, "packages/stock_hook.tsx") as page:
        found = page.result()
    assert (found["isRealTime"], found["isConnected"], found["connectionState"]) == (True, True, "OPEN")
    assert (found["loading"], found["error"], found["light"]) == (False, None, "Live")
    assert 0 < found["latency"] < 10_000
    assert (found["data"]["symbol"], found["data"]["source"]) == ("RELIANCE", "LIVE")
