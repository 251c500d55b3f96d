"""A desk's windows over a real gateway: what the channels' messages say, by rights, filters and pages."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from core.analytics.exposure import ExposureDesk
from core.analytics.lp import LpDesk
from core.analytics.routing import RoutingDesk
from gateway.rest.desk_words import ExposureWindow, LpWindow, RoutingWindow
from schemas.desk import DeskBatch
from tests.integration.gateway.desk_market import RULES, clear_desk, put_decisions, put_providers, put_states
from tests.integration.gateway.rest_server import Market, RestServer, eventually
from tests.property.desk_records import START_US, decision, routing_batch
from tests.property.desk_states import exposure_batch, exposure_state, lp_batch, lp_record

HOUR_MS = 3_600_000
FIRST_MS = START_US // 1000 // HOUR_MS * HOUR_MS
UNTOLD = ("window", "by", "name", "price", "marketValue")
ROLES = {"exposure-updates": ("dealer",), "routing-metrics": ("dealer",), "lp-performance": ("dealer",)}
PICK = random.Random(7)
DECISIONS = [
    decision(
        number, number * 37_000_000, symbol=PICK.choice(("EUR/USD", "GBP/USD", "US30")),
        lp=PICK.choice(("", "OANDA", "LMAX")), decision=PICK.choice(("ABOOK", "BBOOK", "REJECT")),
        volume=Decimal(PICK.randrange(10**20)).scaleb(-10), execution_us=PICK.randrange(10**6),
        spread=Decimal(PICK.randrange(10**5)).scaleb(-3), slippage=Decimal(PICK.randrange(-(10**5), 10**5)).scaleb(-4),
    )
    for number in range(300)
]  # fmt: skip
PROVIDERS = [
    lp_record(
        number, number * 19_000_000, lp=PICK.choice(("OANDA", "LMAX")),
        status=PICK.choice(("connected", "connected", "disconnected")), quotes=Decimal(PICK.randrange(500)),
        reject_rate=Decimal(PICK.randrange(100)).scaleb(-2), latency_us=PICK.randrange(10**6),
    )
    for number in range(300)
]  # fmt: skip
STATES = [
    exposure_state(
        number, number * 41_000_000, symbol=PICK.choice(("EUR/USD", "GBP/USD")), lp=PICK.choice(("", "LMAX")),
        exposure=Decimal(PICK.randrange(-8000, 8000)).scaleb(-1),
    )
    for number in range(100)
]  # fmt: skip


@pytest.fixture(scope="module")
def desk(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    clear_desk(market.dsn, market.database)
    place = (market.dsn, market.database)
    put_decisions(*place, DECISIONS)
    put_providers(*place, PROVIDERS)
    put_states(*place, STATES)
    with RestServer(
        tmp_path_factory.mktemp("rest"), **market.settings(), gateway_channel_roles=ROLES
    ) as server:  # fmt: skip
        yield server
    clear_desk(*place)


def messages(desk: Any, batch: DeskBatch, interval: str) -> list[dict[str, Any]]:
    """The newest message of each window of all symbols, by start."""
    entries = [*desk.apply(batch).entries, *desk.announce(1 << 60).entries]
    told = [json.loads(each.data, parse_float=Decimal, parse_int=Decimal) for each in entries if "stats" in each.kind]
    found = {each["startTime"]: each for each in told if each["interval"] == interval and "symbol" not in each}
    return [found[start] for start in sorted(found)]


def ask(server: RestServer, path: str, **changes: Any) -> Any:
    answer = server.get(f"/api/analytics/{path}", token=server.token("u", **{"role": "dealer", **changes}))
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.mark.parametrize("window", ["1m", "1h"])
def test_decisions_are_those_of_the_messages(desk: RestServer, window: str) -> None:
    told = messages(RoutingDesk(RULES), routing_batch(DECISIONS), window)
    rows = ask(desk, f"routing?window={window}&limit=1000&order=asc")
    for row, message in zip(rows, told, strict=True):
        names = ("window", "symbol", "lpSelected", "routingDecision")
        assert [row.pop(name) for name in names] == [window, None, None, None]
        assert row == {name: message[name] for name in row}
    for by, name, field in (("lp", "lpSelected", "byLP"), ("decision", "routingDecision", "byDecision")):
        split = ask(desk, f"routing?window={window}&limit=1000&by={by}&startTime={told[0]['startTime']}&order=asc")
        wanted = [
            (each["startTime"], key, figures) for each in told for key, figures in sorted(each[field].items())
        ]  # fmt: skip
        assert [(row["startTime"], row[name]) for row in split] == [(at, key) for at, key, _ in wanted][:1000]
        for row, (_, _, figures) in zip(split, wanted, strict=False):
            assert {key: row[key] for key in figures} == figures


def test_providers_and_exposure_are_those_of_the_messages(desk: RestServer) -> None:
    for window in ("1m", "1h"):
        told = messages(LpDesk(RULES), lp_batch(PROVIDERS), window)
        wanted = [(each["startTime"], lp, of) for each in told for lp, of in sorted(each["byLP"].items())]
        rows = ask(desk, f"lp?window={window}&limit=1000&order=asc")
        assert [(row["startTime"], row["lpName"]) for row in rows] == [(at, lp) for at, lp, _ in wanted]
        for row, (_, _, figures) in zip(rows, wanted, strict=True):
            del figures["statusChanges"]  # an hour also counts a silence that begins with a minute
            assert {key: row[key] for key in figures} == figures
    told = messages(ExposureDesk(RULES), exposure_batch(STATES), "1m")
    rows = ask(desk, "exposure?limit=1000&order=asc")
    assert [
        {name: message[name] for name in row if name in message} for row, message in zip(rows, told, strict=True)
    ] == [{name: value for name, value in row.items() if name not in UNTOLD} for row in rows]
    [whole] = ask(desk, f"exposure?window=range&startTime=1&endTime={FIRST_MS + 9 * HOUR_MS}")
    assert whole["totalExposure"] == told[-1]["totalExposure"]
    assert (whole["warningSeconds"], whole["startTime"]) == (None, 1)
    assert whole["peakExposure"] == max(each["peakExposure"] for each in told)


def test_the_range_as_one(desk: RestServer) -> None:
    end_ms = FIRST_MS + 9 * HOUR_MS
    [row] = ask(desk, f"routing?window=range&startTime={FIRST_MS}&endTime={end_ms}")
    assert (row["count"], row["share"], row["startTime"]) == (len(DECISIONS), 1, FIRST_MS)
    assert row["volume"] == sum(each.volume for each in DECISIONS)
    [own] = ask(desk, f"routing?window=range&startTime={FIRST_MS}&endTime={end_ms}&lp=&by=lp&symbol=EUR/USD")
    assert own["count"] == sum(each.symbol == "EUR/USD" and not each.lp for each in DECISIONS)
    assert (own["lpSelected"], own["share"]) == ("", 1)
    [lp] = ask(desk, f"lp?window=range&startTime={FIRST_MS}&endTime={FIRST_MS + 10 * HOUR_MS - 1}&lp=LMAX")
    hours = ask(desk, f"lp?window=1h&startTime={FIRST_MS}&lp=LMAX")
    assert lp["samples"] == sum(hour["samples"] for hour in hours)
    assert abs(lp["uptime"] - sum(hour["uptime"] for hour in hours) / 10) < Decimal("0.000002")


def test_symbols_are_those_of_the_token(desk: RestServer) -> None:
    everything = ask(desk, "routing?window=1d&by=symbol")
    assert {row["symbol"] for row in everything} == {"EUR/USD", "GBP/USD", "US30"}
    narrow = ask(desk, "routing?window=1d&by=symbol", symbols=("*/USD",))
    assert {row["symbol"] for row in narrow} == {"EUR/USD", "GBP/USD"}
    assert sum(row["share"] for row in narrow) == pytest.approx(Decimal(1), abs=Decimal("0.000002"))
    [total] = ask(desk, "routing?window=1d", symbols=("EUR/USD",))
    assert total["count"] == sum(each.symbol == "EUR/USD" for each in DECISIONS)
    assert ask(desk, "routing?window=1d", symbols=("X/*",)) == ask(desk, "routing", symbols=()) == []
    assert {row["name"] for row in ask(desk, "exposure?by=symbol", symbols=("EUR/*",))} == {"EUR/USD"}
    assert ask(desk, "exposure?by=symbol", symbols=("X",)) == []
    assert len(ask(desk, "exposure?by=total", symbols=("X",))) > 0
    token = desk.token("u", role="dealer", symbols=("EUR/*",))
    for path in ("routing?symbol=US30", "exposure?by=symbol&name=US30"):
        assert desk.get(f"/api/analytics/{path}", token=token).status == 403


def test_exposure_of_symbols_is_valued_at_the_last_price(desk: RestServer, market: Market) -> None:
    rows = ask(desk, "exposure?by=symbol&limit=1000&order=asc")
    starts = sorted({int(row["startTime"]) for row in rows})
    market.add_bars("EUR/USD", [starts[3]], [1], close=Decimal("1.5"))
    market.add_bars("EUR/USD", [starts[9] + 60_000], [2], close=Decimal("0.0000000003"))
    market.add_bars("EUR/USD", [starts[9] + 60_000], [3], close=Decimal("1.0000000001"))
    for row in ask(desk, "exposure?by=symbol&limit=1000&order=asc"):
        at, price = int(row["startTime"]), None
        if row["name"] == "EUR/USD" and at >= starts[3]:
            price = Decimal("1.5") if at <= starts[9] else Decimal("1.0000000001")
        assert row["price"] == price
        assert row["marketValue"] == (None if price is None else row["netExposure"] * price)
    assert {row["price"] for row in ask(desk, "exposure?by=lp")} == {None}


def test_pages_go_on(desk: RestServer) -> None:
    token = desk.token("u", role="dealer")
    for path in ("routing?by=symbol,lp,decision&window=1h", "lp?window=1h", "exposure?by=symbol&window=1h"):
        everything = ask(desk, f"{path}&limit=1000")
        found, address = [], f"/api/analytics/{path}&limit=3"
        while address:
            answer = desk.get(address, token=token)
            found += answer.json()
            link = answer.headers.get("link", "")
            address = link.partition("<")[2].partition(">")[0]
        assert found == everything
        assert len(found) > 3
    same = desk.get("/api/analytics/lp?window=1h", token=token)
    again = desk.get("/api/analytics/lp?window=1h", token=token, if_none_match=same.headers["etag"])
    assert again.status == 304


@pytest.mark.parametrize("kind", ["lp-scorecard", "exposure-history"])
def test_reports_about_the_desk(desk: RestServer, kind: str) -> None:
    body = json.dumps({"kind": kind, "startTime": FIRST_MS, "endTime": FIRST_MS + 9 * HOUR_MS}).encode()
    dealer = desk.token(kind, role="dealer")
    asked = desk.ask("POST", "/api/reports", token=dealer, body=body)
    assert asked.status == 202, asked.body
    where = asked.headers["location"]
    report = eventually(
        lambda: (found := desk.get(where, token=dealer).json())["state"] in ("done", "failed") and found
    )
    assert (report["state"], report["error"]) == ("done", None)
    rows = desk.get(f"{where}/result", token=dealer).json()
    assert 0 < len(rows) == report["rows"]
    for wanted in ("csv", "parquet", "arrow"):
        assert desk.get(f"{where}/result?format={wanted}", token=dealer).status == 200
    clerk = desk.token(kind, role="clerk")
    for refused in (desk.ask("POST", "/api/reports", token=clerk, body=body), desk.get(f"{where}/result", token=clerk)):
        assert refused.status == 403
        assert "may not join" in refused.json()["message"]


def test_answers_have_the_shape_of_the_document(desk: RestServer) -> None:
    for path, shape in (("routing", RoutingWindow), ("lp", LpWindow), ("exposure", ExposureWindow)):
        body = desk.get(f"/api/analytics/{path}", token=desk.token("u", role="dealer")).body
        rows = msgspec.json.decode(body, type=list[shape])
        names = {field.encode_name for field in msgspec.structs.fields(shape)}
        assert rows
        assert set(json.loads(body)[0]) == names


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("routing?window=range&startTime=5", 400, "give both"),
        ("routing?by=book", 400, "Rows are by symbol, lp, decision"),
        ("routing?window=1s", 400, "1s"),
        ("routing?cursor=AAAA", 400, "Not a cursor of ours"),
        ("routing?symbol=A,B", 400, "symbol"),
        ("lp?startTime=1705600000", 400, "looks like seconds"),
        ("exposure?by=desk", 400, "desk"),
        ("exposure?name=", 400, "name"),
    ],
)
def test_wrong_questions(desk: RestServer, path: str, status: int, words: str) -> None:
    answer = desk.get(f"/api/analytics/{path}", token=desk.token("u", role="dealer"))
    assert answer.status == status
    assert words in answer.body.decode()


def test_channels_decide_who_reads(desk: RestServer) -> None:
    for path, channel in (("routing", "routing-metrics"), ("lp", "lp-performance"), ("exposure", "exposure-updates")):
        answer = desk.get(f"/api/analytics/{path}", token=desk.token("u", role="clerk"))
        assert (answer.status, answer.json()["message"]) == (403, f"The token's role may not join {channel}")
