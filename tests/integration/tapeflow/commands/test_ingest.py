"""``tapeflow ingest --play`` against a real broker: what it sends, what it says, what it refuses."""

import json
import uuid
from pathlib import Path

import pytest

from tapeflow.cli import main
from tests.integration.tapeflow.commands.test_produce import values_of

TRADES = (
    '{"arg":{"channel":"trades","instId":"%s"},"data":[{"instId":"%s","tradeId":"%s",%s"sz":"%s","side":"buy",'
    '"ts":"%s"}]}'
)
BESTS = (
    '{"arg":{"channel":"tickers","instId":"A-B"},"data":[{"instId":"A-B","bidPx":"1.10","bidSz":"2","askPx":"1.2",'
    '"askSz":"0.00000003","ts":"1652459235637"}]}'
)
BTC = TRADES % ("BTC-USDT", "BTC-USDT", 7, '"px":"30227.60",', "1.03999912", 1_652_459_226_100)
SESSION = f"""wss://ws.okx.com:8443/ws/v5/public <-> 1652459224.5300605
wss://ws.okx.com:8443/ws/v5/public <- 1652459225.2987883: {{"op":"subscribe","args":[]}}
1652459225.5: {{"event":"subscribe","arg":{{"channel":"trades","instId":"BTC-USDT"}}}}
1652459226.5: {BTC}
1652459227.5: {BTC}
1652459228.5: {TRADES % ("ETH-USDT", "ETH-USDT", 8, "", "1", 1_652_459_226_100)}
1652459229.5: {TRADES % ("ETH-USDT", "ETH-USDT", 9, '"px":"2000.1",', "0.00000088", 1_652_459_229_000)}
1652459229.6: {BESTS}
"""


@pytest.fixture
def topic(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("TAPEFLOW_VALUE_FORMAT", "json")
    monkeypatch.setenv("TAPEFLOW_QUOTES_FORMAT", "json")
    name = f"ingest-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("TAPEFLOW_QUOTES_TOPIC", f"{name}-quotes")
    return name


def test_a_session_is_played_into_the_topic(
    kafka_bootstrap: str, topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session"
    path.write_text(SESSION)
    assert main(["ingest", "--play", str(path), "--topic", topic]) == 2
    assert f"topic {topic} does not exist" in capsys.readouterr().err
    assert main(["ingest", "--play", str(path), "--topic", topic, "--partitions", "1", "--speed", "1000"]) == 0
    shown = capsys.readouterr()
    sent = f"2 trades of okx delivered to {topic} and 1 quotes to {topic}-quotes"
    assert shown.out == f"{sent}, out of 6 frames; 1 trades told again and left out\n"
    unused = f"1 frames and 0 trades or quotes couldn't be used and stand in {topic}.feed-dead-letter"
    assert unused in " ".join(shown.err.split())
    values = [(key, json.loads(value)) for key, value, _ in values_of(kafka_bootstrap, topic, 1)]
    assert [(key, value["price"], value["size"], value["exchange"]) for key, value in values] == [
        (b"BTC/USDT", 30227.6, 1.03999912, "OKX"),
        (b"ETH/USDT", 2000.1, 0.00000088, "OKX"),
    ]

    ((key, quote, _),) = values_of(kafka_bootstrap, f"{topic}-quotes", 1)
    assert key == b"A/B"
    assert quote.startswith(b'{"symbol":"A/B","bid":1.1,"bid_size":2,"ask":1.2,"ask_size":0.00000003,')


def test_a_venue_may_have_symbols_of_its_own(
    kafka_bootstrap: str, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session"
    path.write_text(SESSION)
    monkeypatch.setenv("TAPEFLOW_FEED_SERIES", "venue")
    assert main(["ingest", "--play", str(path), "--topic", topic, "--partitions", "1"]) == 0
    found = [values_of(kafka_bootstrap, name, 1) for name in (topic, f"{topic}-quotes")]
    assert [[(key, json.loads(value)["symbol"]) for key, value, _ in each] for each in found] == [
        [(b"BTC/USDT@OKX", "BTC/USDT@OKX"), (b"ETH/USDT@OKX", "ETH/USDT@OKX")],
        [(b"A/B@OKX", "A/B@OKX")],
    ]


def test_quotes_may_be_left_out(topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session"
    path.write_text(SESSION)
    assert main(["ingest", "--play", str(path), "--topic", topic, "--partitions", "1", "--no-quotes"]) == 0
    assert capsys.readouterr().out.startswith(f"2 trades of okx delivered to {topic}, out of 6 frames")


def test_what_is_no_session_is_one_line(topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session"
    path.write_text("1652459225.5: {}\n")
    for words, said in (
        (["--play", str(path)], "the recording names no address"),
        (["--play", str(path), "--venue", "nyse"], "unknown venue nyse"),
        (["--play", str(tmp_path / "none")], "recording can't be read"),
    ):
        assert main(["ingest", "--topic", topic, *words]) == 2
        assert said in capsys.readouterr().err
    path.write_text("wss://example.org/ <-> 1652459225.5\n")
    assert main(["ingest", "--play", str(path)]) == 2
    assert "no venue is known at wss://example.org/" in capsys.readouterr().err


def test_what_cannot_be_followed_is_one_line(
    topic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, said in (
        ([], "give markets to follow or a recording to play, one of the two"),
        (["bitget:A/B", "--play", "x"], "one of the two"),
        (["bitget:A/B", "--speed", "2"], "live sessions have it by themselves (--speed): leave --speed out"),
        (["bitget:A/B", "okx:A/B", "--record", "x"], "it is of one venue (--record): leave --record out"),
        (["bitget:A/B", "--since", "yesterday"], "no time that has been: yesterday"),
        (["bitget:A/B", "--since", "2999-01-01T00:00:00Z"], "no time that has been"),
        (["bitget:A/B", "--record", str(tmp_path / "none" / "x")], "recording can't be written"),
        (["--play", "x", "--since", "2026-01-01T00:00:00Z"], "--play is a recording (--since): leave --since out"),
        (["bitget"], "can't read 'bitget'"),
        (["--all-usdt"], "give markets to follow or a recording to play"),
        (["--play", "x", "--on-demand"], "--play is a recording (--on-demand): leave --on-demand out"),
        (["bitget", "--on-demand", "--all-usdt"], "--on-demand begins now (--all-usdt): leave --all-usdt out"),
        (["bitget:A/B", "okx:A/B", "--since-file", "x"], "it is of one venue (--since-file)"),
        (["http-poll", "--all-usdt"], "http-poll lists no markets (--all-usdt): leave --all-usdt out"),
        (["http-poll:A", "--record", "x"], "http-poll has no session (--record): leave --record out"),
        (["http-poll:A"], "http-poll needs to know where to ask (TAPEFLOW_POLL_URL): set it, such as https://"),
        (["bitget:A/B"], f"topic {topic} does not exist"),
    ):
        assert main(["ingest", "--topic", topic, *words]) == 2
        assert said in capsys.readouterr().err
    monkeypatch.setenv("TAPEFLOW_FEED_ADDRESSES", "nyse=ws://127.0.0.1:1")
    assert main(["ingest", "--topic", topic, "--partitions", "1", "bitget:A/B"]) == 2
    assert "unknown venue nyse (TAPEFLOW_FEED_ADDRESSES)" in capsys.readouterr().err
