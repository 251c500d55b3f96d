"""Files as venues publish them, put on a topic: packed, without a header, from a folder or a pipe."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between, read_range
from flows.reading import read_options
from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tests.servers.kafka import make_topic

ROWS = "77,1.50,2,3,1714521600123,True,True\n78,1.25,4,5,1714521600124,False,True\n"
SENT = [("BTCUSDT", "77", "1.5", "2", "SELL", "binance"), ("BTCUSDT", "78", "1.25", "4", "BUY", "binance")]


@pytest.fixture
def produced(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, Any]]]:
    """Runs ``tapeflow produce`` onto a new topic and gives its records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("TAPEFLOW_VALUE_FORMAT", "json")

    def run(*words: str) -> list[dict[str, Any]]:
        monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", make_topic(kafka_bootstrap, f"files-{uuid4().hex}"))
        assert main(["produce", *words]) == 0
        options = read_options(load_settings())
        ranges = ranges_between(options, Position("earliest"), Position("latest"))
        return [json.loads(batch.value(index)) for batch in read_range(options, ranges) for index in range(len(batch))]

    return run


def values(records: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    names = ("symbol", "trade_id", "price", "size", "side", "exchange")
    return [tuple(str(record[name]) for name in names) for record in records]


def test_a_packed_file_without_a_header(
    produced: Callable[..., list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "BTCUSDT-trades-2024-05-01"
    with zipfile.ZipFile(f"{name}.zip", "w") as archive:
        archive.writestr(f"{name}.csv", ROWS)
    assert values(produced(f"{name}.zip")) == SENT
    assert "layout binance-trades" in capsys.readouterr().err
    Path("days").mkdir()
    Path(f"{name}.zip").rename(f"days/{name}.zip")
    assert values(produced("days")) == SENT


def test_a_pipe_with_a_layout(produced: Callable[..., list[dict[str, Any]]]) -> None:
    reading, writing = os.pipe()
    os.write(writing, ROWS.encode())
    os.close(writing)
    try:
        assert values(produced(f"/dev/fd/{reading}", "--layout", "binance", "--symbol", "BTCUSDT")) == SENT
    finally:
        os.close(reading)
