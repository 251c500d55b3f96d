"""produce → history flow → verify against real servers: equal, cut by ranges, and every way of being different."""

import json
import time
import uuid
from pathlib import Path

import pytest
from clickhouse_driver import Client

from connectors.synthetic import SyntheticMarket, symbol_names
from demo.figures import figures_of
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter, ensure_topic
from jobs.produce.sender import TapeSender
from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import load_settings
from tapeflow.cli import main

TRADES = 4_000
DEADLINE_S = 180
START_US = 1_767_570_600_000_000  # a Sunday, ten minutes before midnight UTC


@pytest.fixture
def history(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A topic of synthetic trades whose bars stand in ClickHouse; gives the topic's name."""
    topic = f"verify-{uuid.uuid4().hex[:8]}"
    for name, value in {
        "KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KAFKA_TOPIC": topic,
        "CLICKHOUSE_DSN": clickhouse_dsn,
        "CLICKHOUSE_DATABASE": clickhouse_database,
        "RECOVERY_DIR": str(tmp_path / "recovery"),
        "DEAD_LETTERS_FROM": "none",
    }.items():
        monkeypatch.setenv(f"TAPEFLOW_{name}", value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    ensure_topic(kafka_bootstrap, topic, 2)
    sender = TapeSender(RecordWriter(kafka_bootstrap, topic), encoder_of(load_settings()))
    sender.send(SyntheticMarket(symbol_names(8), start_us=START_US).take(TRADES, 20 * 60_000_000))
    assert sender.finish() == TRADES
    with (tmp_path / "history.log").open("ab") as log:
        flow = FlowProcess("history", load_settings().model_copy(update={"metrics_port": free_port()}), log=log)
        flow.start()
        try:
            deadline = time.monotonic() + DEADLINE_S
            while figures_of(flow.metrics()).records < TRADES:
                assert flow.poll() is None, (tmp_path / "history.log").read_text()
                assert time.monotonic() < deadline
            assert flow.stop(30) == 0
        finally:
            flow.kill()
    return topic


def verified(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = main(["verify", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_bars_are_verified_and_a_wrong_one_is_found(
    history: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = verified(capsys)
    assert (code, found["differ"], found["cut"]) == (0, 0, 0)
    assert isinstance(found["compared"], int)
    assert found["compared"] > 8

    code, part = verified(capsys, "--from", '{"0": 500, "1": 500}', "--to", '{"0": 1500, "1": 1200}')
    assert (code, part["differ"]) == (0, 0)
    assert isinstance(part["cut"], int)
    assert part["cut"] > 0

    code, one = verified(capsys, "--symbols", "BTC/USDT", "--intervals", "1m")
    assert code == 0
    assert 0 < int(str(one["compared"])) < found["compared"]

    client = Client.from_url(clickhouse_dsn)
    client.execute(
        f"INSERT INTO {clickhouse_database}.bars SELECT * REPLACE (close + 1 AS close) "
        f"FROM {clickhouse_database}.bars_final WHERE symbol = 'BTC/USDT' AND interval = '1m' ORDER BY start LIMIT 1"
    )
    client.disconnect()
    code, wrong = verified(capsys)
    assert (code, wrong["differ"]) == (1, 1)
    assert [each["field"] for each in wrong["differences"]] == ["close"]  # type: ignore[attr-defined]
    assert main(["verify"]) == 1
    shown = capsys.readouterr()
    assert "1 differ" in shown.out
    assert "BTC/USDT" in shown.err
    assert main(["verify", "--topic", "nowhere"]) == 2


def test_stored_bars_of_a_symbol_that_the_topic_lacks_are_told(
    history: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert verified(capsys)[1]["elsewhere"] == 0
    client = Client.from_url(clickhouse_dsn)
    client.execute(
        f"INSERT INTO {clickhouse_database}.bars SELECT * REPLACE ('GHOST' AS symbol) FROM (SELECT * FROM "
        f"{clickhouse_database}.bars_final WHERE symbol = 'BTC/USDT' AND interval = '1m' ORDER BY start LIMIT 2)"
    )
    client.disconnect()
    code, stray = verified(capsys)
    assert (code, stray["elsewhere"], stray["differ"]) == (1, 2, 2)
    code, part = verified(capsys, "--from", '{"0": 1}')
    assert (code, part["differ"]) == (0, 0), "a range from mid-topic doesn't tell which symbols the topic holds"
    assert main(["verify"]) == 1
    shown = capsys.readouterr()
    assert "2 stored of symbols that the records don't hold" in shown.out
    assert "GHOST" in shown.err


def test_empty_range_and_bad_position_are_one_line(history: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    for words, said in (
        (["--from", "latest"], "holds no record"),
        (["--from", "soon"], "is no position"),
        (["--from", '{"7": 0}'], "has no partition 7"),
        (["--to", '{"7": 0}'], "has no partition 7"),
        (["--from", '{"0": 99999999}'], "before 99999999 (--from)"),
        (["--to", '{"0": 99999999}'], "before 99999999 (--to)"),
        (["--symbols", "TYPO,OTHER"], "holds no valid trade of TYPO, OTHER in that range (--symbols)"),
    ):
        assert main(["verify", *words]) == 2
        shown = capsys.readouterr().err
        assert said in shown
        assert shown.count("\n") == 1
    for place, said in (('{"7": 0}', "has no partition 7"), ('{"0": 99999999}', "before 99999999 (--from)")):
        assert main(["quality", "--from", place]) == 2
        assert said in capsys.readouterr().err
