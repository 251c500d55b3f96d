"""Reports over a real gateway: asked for, watched, fetched in each format; refused in words; owned by one user."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.gateway.rest_server import MINUTE_MS, OPEN_MS, Answer, Market, RestServer, eventually

COUNT = 12_000
FIRST_MS = OPEN_MS - COUNT * MINUTE_MS


def ask_for(rest: RestServer, token: str | None = None, **body: Any) -> Answer:
    wanted = {"kind": "bars", "startTime": FIRST_MS, "endTime": OPEN_MS, "interval": "1m", **body}
    return rest.ask("POST", "/api/reports", token=token, body=json.dumps(wanted).encode())


def made(rest: RestServer, token: str, **body: Any) -> dict[str, Any]:
    """The report, when it is done."""
    answer = ask_for(rest, token, **body)
    assert answer.status == 202, answer.body
    where = answer.headers["location"]

    def ended() -> Any:
        job = rest.get(where, token=token).json()
        return job if job["state"] in ("done", "failed") else None

    return eventually(ended)


@pytest.fixture(scope="module")
def many_bars(market: Market) -> list[int]:
    starts = [FIRST_MS + MINUTE_MS * at for at in range(COUNT)]
    market.add_bars("R/BARS", starts, list(range(1, COUNT + 1)))
    return starts


def test_a_report_is_asked_for_watched_and_fetched_in_each_format(rest: RestServer, many_bars: list[int]) -> None:
    token = rest.token("reporter")
    asked = ask_for(rest, token, symbols=["R/BARS"])
    assert asked.status == 202
    assert asked.json()["state"] in ("queued", "running")
    where = asked.headers["location"]
    job = eventually(lambda: (found := rest.get(where, token=token).json())["state"] == "done" and found)
    assert (job["rows"], job["progress"], job["error"]) == (COUNT, 1, None)
    assert job["createdAt"] <= job["startedAt"] <= job["finishedAt"] < job["expiresAt"]
    assert [each["id"] for each in rest.get("/api/reports", token=token).json()] == [job["id"]]
    as_json = rest.get(f"{where}/result", token=token)
    rows = as_json.json()
    assert [int(row["time"]) for row in rows] == many_bars
    assert str(rows[0]["volume"]) == "123456789012345678.0123456789"
    assert str(rows[0]["quoteVolume"]) == "703.00000000000000000001"
    as_csv = rest.get(f"{where}/result?format=csv", token=token)
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert as_csv.headers["content-disposition"] == f'attachment; filename="bars-{job["id"][:8]}.csv"'
    told = [{name: str(value) for name, value in row.items()} for row in rows]
    assert list(csv.DictReader(io.StringIO(as_csv.body.decode()))) == told
    parquet = pq.read_table(io.BytesIO(rest.get(f"{where}/result?format=parquet", token=token).body))
    arrow = pa.ipc.open_stream(rest.get(f"{where}/result?format=arrow", token=token).body).read_all()
    for table in (parquet, arrow):
        plain = [{name: text_of(value) for name, value in row.items()} for row in table.to_pylist()]
        assert plain == told
    same = rest.get(f"{where}/result", token=token, if_none_match=as_json.headers["etag"])
    assert (same.status, same.body) == (304, b"")


def text_of(value: Any) -> str:
    """As JSON writes it: decimals without the zeros behind."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if isinstance(value, Decimal) and "." in text else text


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"kind": "weather"}, 422, "UNPROCESSABLE", "No such kind of report: weather. There are bars, trades"),
        ({"startTime": OPEN_MS + 1}, 422, "UNPROCESSABLE", "The range is empty: startTime is after endTime"),
        ({"startTime": 1705600000}, 400, "BAD_REQUEST", "looks like seconds: 1705600000000 would be right"),
        ({"interval": "10m"}, 400, "BAD_REQUEST", "Invalid interval: 10m. Valid: 1m, 5m"),
        ({"symbols": ["A", "A"]}, 400, "BAD_REQUEST", "twice"),
        ({"symbols": ["A,B"]}, 400, "BAD_REQUEST", "symbols"),
        ({"depth": 3}, 400, "BAD_REQUEST", "depth"),
        ({"startTime": None}, 400, "BAD_REQUEST", "Expected `int`"),
    ],
)
def test_what_can_be_told_at_once_is_refused_at_once(
    rest: RestServer, body: dict[str, Any], status: int, code: str, words: str
) -> None:
    answer = ask_for(rest, **body)
    found = answer.json()
    assert (answer.status, found["error"]) == (status, code)
    assert words in found["message"] + str(found["details"])
    assert "\n" not in found["message"]


def test_more_than_a_report_may_have_is_refused_with_what_to_change(
    market: Market, many_bars: list[int], tmp_path: Path
) -> None:
    with RestServer(tmp_path, **market.settings(), gateway_report_rows_max=COUNT - 1) as server:
        answer = ask_for(server, symbols=["R/BARS"])
        assert (answer.status, answer.json()["error"]) == (413, "TOO_LARGE")
        words = "12,000 bars are more than the 11,999 of one report: take a shorter range, fewer symbols"
        assert answer.json()["message"] == f"{words} or a longer interval"
        assert ask_for(server, symbols=["R/BARS"], startTime=FIRST_MS + MINUTE_MS).status == 202


def test_a_report_is_its_users_alone_and_over_symbols_of_the_token(rest: RestServer, many_bars: list[int]) -> None:
    token, other = rest.token("owner"), rest.token("other")
    report = made(rest, token, symbols=["R/BARS"])
    where = f"/api/reports/{report['id']}"
    for method, path in (("GET", where), ("GET", f"{where}/result"), ("DELETE", where)):
        assert rest.ask(method, path, token=other).status == 404, path
        assert rest.ask(method, path, token="").status == 401, path
    assert rest.get("/api/reports", token=other).json() == []
    assert ask_for(rest, rest.token("owner", symbols=("C/*",)), symbols=["R/BARS"]).status == 403
    assert ask_for(rest, rest.token("owner", symbols=())).status == 403
    narrowed = rest.token("owner", symbols=("C/*",))
    assert rest.get(f"{where}/result", token=narrowed).json()["error"] == "FORBIDDEN"
    everything = made(rest, token, kind="bars", interval="1W")
    assert rest.get(f"/api/reports/{everything['id']}/result", token=narrowed).status == 403
    assert rest.ask("DELETE", where, token=token).status == 204
    assert rest.get(where, token=token).status == 404
    assert rest.get(f"{where}/result", token=token).status == 404
    assert rest.ask("DELETE", where, token=token).status == 404


def test_a_report_that_is_not_done_has_no_result_yet(market: Market, tmp_path: Path) -> None:
    with RestServer(tmp_path, **market.settings(), gateway_reports_at_once=0) as server:
        token = server.token("waiting")
        asked = ask_for(server, token)
        answer = server.get(f"{asked.headers['location']}/result", token=token)
        assert (answer.status, answer.json()["error"]) == (409, "NOT_READY")
        assert answer.json()["message"] == "The report is queued"
        assert server.ask("DELETE", asked.headers["location"], token=token).status == 204


def test_a_flood_of_reports_is_bounded_and_told_when_to_come_back(market: Market, tmp_path: Path) -> None:
    with RestServer(tmp_path, **market.settings(), gateway_reports_at_once=0, gateway_reports_per_user=3) as server:
        token = server.token("flood")
        with ThreadPoolExecutor(8) as pool:
            asked = [each.result() for each in [pool.submit(ask_for, server, token) for _ in range(40)]]
        assert sorted(answer.status for answer in asked) == [202] * 3 + [429] * 37
        refused = next(answer for answer in asked if answer.status == 429)
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["message"].startswith("3 of your reports are under way")
        for answer in asked:
            if answer.status == 202:
                assert server.ask("DELETE", answer.headers["location"], token=token).status == 204


def test_how_many_symbols_a_kind_takes_is_told_at_once(rest: RestServer) -> None:
    for count in (1, 101):
        answer = ask_for(rest, kind="correlation", symbols=[f"S{number}" for number in range(count)])
        assert (answer.status, answer.json()["error"]) == (422, "UNPROCESSABLE")
        assert answer.json()["message"] == "correlation takes 2 to 100 symbols"
    token = rest.token("pairs")
    assert made(rest, token, kind="correlation", symbols=["S1", "S2"])["state"] == "done"


@pytest.mark.parametrize("kind", ["stats", "top-movers", "volume-profile", "correlation", "volatility", "trades"])
def test_every_kind_is_made_by_a_gateway(rest: RestServer, market: Market, many_bars: list[int], kind: str) -> None:
    symbols = ["R/BARS", "R/OTHER"]
    market.add_bars("R/OTHER", many_bars[:3], [1, 2, 3])
    for symbol in symbols:
        at_us = many_bars[0] * 1000
        market.add_trades(symbol, [{"time_us": at_us, "price": Decimal(2), "size": Decimal(1), "offset": 1}])
    token = rest.token(f"kind {kind}")
    report = made(rest, token, kind=kind, symbols=symbols)
    assert report["state"] == "done", report["error"]
    where = f"/api/reports/{report['id']}/result"
    rows = rest.get(where, token=token).json()
    assert 0 < len(rows) == report["rows"]
    for wanted in ("csv", "parquet", "arrow"):
        assert rest.get(f"{where}?format={wanted}", token=token).status == 200
