"""Client code of users, as it was published, against a gateway that asks for tokens, from a page of another origin.

``client_code/*`` is that code unchanged: only its address and its token are replaced here, in sight. What it leaves out
stands in ``client_code/pages``: the component that renders a hook, the client that a usage imports, and a body for a
service of which only the methods were published. The packages are those of ``web/``, so React is the real one, and a
machine without Node skips this file visibly. Chromium runs everything.
"""

import json
import re
import socket
from typing import Any

import pytest

from tests.integration.gateway.client_stage import CODE, Stage

pytestmark = pytest.mark.thorough

REFUSED = "origin not allowed: name it in TAPEFLOW_GATEWAY_ORIGINS"
MESSAGES = {
    "FIRST_MESSAGE": """'{
      "type": "subscribe", "symbols": ["AAPL", "GOOGL", "MSFT"], "timeframe": "real-time", "includeDepth": true
    }'""".replace("\n", ""),
    "LAST_MESSAGE": """'{"type": "unsubscribe", "symbols": ["AAPL"]}'""",
}


EVENTS_URL = {"`/api/events?token=${this.token}`": '"http://GATEWAY/api/events?token=TOKEN"'}


def test_event_client_with_credentials_from_a_named_origin(stage: Stage) -> None:
    opened = "client.eventSource.onopen = () => console.log('opened');\n"
    with stage.open("event_client.ts", opened, replaced=EVENTS_URL) as page:
        page.until("opened")
        stage.publish("news", title="Fed announces rate decision", source="Reuters", timestamp=1705690245123)
        assert "Fed announces rate decision" in page.until("News:")
        stage.publish("price_alert", symbol="AAPL", price=150.25, alert_type="threshold_exceeded", threshold=150.0)
        assert "threshold_exceeded" in page.until("Price Alert:")
        stage.publish("system_status", status="maintenance_window", duration=60, affected_symbols=["AAPL", "GOOGL"])
        assert "maintenance_window" in page.until("System Status:")
        assert not [line for line in page.printed if "SSE connection error" in line]


def test_event_client_from_an_unnamed_origin_is_refused(stage: Stage) -> None:
    with stage.open("event_client.ts", replaced=EVENTS_URL, foreign=True) as page:
        page.until("SSE connection error")
        assert not [line for line in page.printed if "News:" in line]
    asked = (
        f"GET /api/events?token={stage.market.token} HTTP/1.1\r\nHost: {{}}\r\nOrigin: {stage.foreign.origin}\r\n\r\n"
    )
    place = stage.market.gateway.rest.partition("://")[2]
    host, _, port = place.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as plain:
        plain.sendall(asked.format(place).encode())
        answer = ""
        while not answer.endswith("}"):
            answer += plain.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 403")
    assert REFUSED in answer


def test_a_socket_of_an_unnamed_origin_learns_the_setting(stage: Stage) -> None:
    with stage.open("pages/prices.ts", replaced=MESSAGES, foreign=True) as page:
        assert page.result() == {"code": 4003, "reason": REFUSED}


def test_prices_by_the_published_messages(stage: Stage) -> None:
    with stage.open("pages/prices.ts", replaced=MESSAGES) as page:
        found = page.result()
    assert found["wrong"] == []
    assert (found["snapshot"], set(found["states"])) == (3, {"AAPL", "GOOGL", "MSFT"})
    (error,) = found["error"]
    assert (error["type"], error["code"]) == ("error", "INVALID_SYMBOL")
    published = {"price", "bid", "ask", "volume", "open", "high", "low", "timestamp", "sequence", "exchange"}
    assert all(published < state.keys() for state in found["states"].values())


def test_last_price_with_retry(stage: Stage) -> None:
    before = "const symbol = 'AAPL'; const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));\n"
    after = "\ntell(price); })();\n"
    url = {"`/api/prices/${symbol}`": "`http://GATEWAY/api/prices/${symbol}?token=TOKEN`",
           "// Usage": "(async () => {"}  # fmt: skip
    with stage.open(before, "with_retry.ts", after, replaced=url) as page:
        found = page.result()
    assert {"symbol", "price", "bid", "ask", "volume", "timestamp", "exchange"} < found.keys()
    assert (found["symbol"], found["exchange"]) == ("AAPL", "LIVE")


def test_analytics_client_gets_all_four_kinds(stage: Stage) -> None:
    url = {"'ws://localhost:7999/ws/analytics'": "'ws://GATEWAY/ws/analytics'", "jwtToken": "'TOKEN'"}
    shown = "".join(
        f"function {name}(data: any) {{ tell(['{name}', data]); }}\n"
        for name in ("updateRoutingDashboard", "updateLPStatus", "updateExposureGauge", "showAlert")
    )
    routing = {"symbol": "EURUSD", "side": "BUY", "volume": 1.5, "routingDecision": "ABOOK", "lpSelected": "OANDA",
               "executionTimeMs": 12, "spread": 0.1, "slippage": -0.2}  # fmt: skip
    lp = {"lpName": "OANDA", "status": "connected", "avgSpread": 0.8, "executionQuality": 0.97, "latencyMs": 11,
          "quotesPerSecond": 40, "rejectRate": 0.01, "uptime": 99.9}  # fmt: skip
    exposure = {"totalExposure": 900000.5, "netExposure": -5, "exposureLimit": 1000000, "riskLevel": "critical",
                "bySymbol": {"EURUSD": 1}, "byLP": {"OANDA": 1}}  # fmt: skip
    alert = {"id": "a1", "severity": "critical", "category": "exposure", "title": "Limit", "message": "over",
             "source": "ExposureMonitor", "actionItems": ["Review positions", "Consider hedging"]}  # fmt: skip
    given = {"routing-metrics": routing, "lp-performance": lp, "exposure-updates": exposure, "alerts": alert}
    with stage.open("analytics_usage.ts", shown, replaced=url) as page:
        page.until('"pong"')  # the subscription before it has been read
        for channel, data in given.items():
            stage.publish(channel, **data)
        told = dict(page.result() for _ in given)
    assert told == {
        "updateRoutingDashboard": routing, "updateLPStatus": lp, "updateExposureGauge": exposure, "showAlert": alert,
    }  # fmt: skip


def test_candles_page_and_hook_never_go_back(stage: Stage) -> None:
    url = {"'ws://localhost:7000'": "'ws://GATEWAY/?token=TOKEN'"}
    with stage.open("candles_page.js", replaced=url) as page:
        assert "initial candles" in page.until("Received")
        bar = json.loads(page.until("Candle update:").partition("Candle update: ")[2])
        assert {"time", "open", "high", "low", "close", "volume", "quoteVolume"} < bar.keys()
    with stage.open("candle.ts", "candles_hook.ts", "pages/candles_hook.tsx", replaced=url) as page:
        found = [page.result() for _ in range(8)]
    assert all(each["isConnected"] and each["out_of_order"] == 0 for each in found)
    assert [each["count"] for each in found] == list(range(found[0]["count"], found[0]["count"] + 8))


def test_stock_service_and_hook(stage: Stage) -> None:
    declared = (CODE / "stock_service_declared.ts").read_text()
    names = re.findall(r"^  (\w+)\(.*\): .*;$", declared, re.MULTILINE)
    assert len(names) == 14
    parts = ("pages/stock_service.ts", "pages/stock_hook.tsx")
    with stage.open(*parts, replaced={"DECLARED": json.dumps(names)}) as page:
        found, failed = page.result(), page.result()
    assert found["methods"] == names
    assert (found["isRealTime"], found["connectionState"], found["error"]) == (True, "OPEN", None)
    assert found["clientId"]
    assert found["active"] == ["RELIANCE"]
    assert 0 < found["latency"] < 10_000
    day = {"open", "high", "low", "volume", "previousClose", "change", "changePercent"}
    quote = {"symbol", "price", "timestamp", "source", *day}
    assert quote <= found["data"].keys()
    assert (found["data"]["symbol"], found["data"]["source"]) == ("RELIANCE", "LIVE")
    assert "INVALID SYMBOL," in failed["error"]
    assert failed["metrics"]["connectionState"] == "OPEN"


MINUTE_US = 60_000_000


def test_charts_take_ten_closes_and_a_revision_without_an_error(stage: Stage) -> None:
    """The development build of lightweight-charts throws on a bar that goes back."""
    with stage.open("pages/chart.ts") as page:
        found: dict[str, Any] = {"plain": {"begun": 0}}
        while "bars" not in found:
            found = page.result()
            assert found["errors"] == []
            if found["plain"]["begun"] >= 11:
                stage.market.send_late("BTC/USDT", MINUTE_US + MINUTE_US // 2)
    assert found["plain"]["begun"] >= 12
    assert found["whole"]["finals"] >= 10
    assert found["whole"]["revisions"] >= 1
    assert found["plain"]["revisions"] == 0
    plain, whole = found["bars"]["plain"], found["bars"]["whole"]
    assert [bar["time"] for bar in plain] == sorted({bar["time"] for bar in plain})
    assert abs(len(plain) - len(whole)) <= 1, "either may be the first to begin a bar"
    assert all(one["time"] == two["time"] for one, two in zip(plain, whole, strict=False))
    since = whole[0]["time"] * 1000
    stored = stage.market.get(f"/api/ohlc/BTC%2FUSDT?timeframe=1m&limit=1000&order=asc&startTime={since}")
    by_time = {int(bar["time"]) // 1000: bar for bar in stored}
    closed = [bar for bar in whole if bar["time"] < whole[-1]["time"] - 120]
    assert len(closed) >= 10
    for bar in closed:
        assert {name: float(by_time[bar["time"]][name]) for name in ("open", "high", "low", "close")} == {
            name: bar[name] for name in ("open", "high", "low", "close")
        }
