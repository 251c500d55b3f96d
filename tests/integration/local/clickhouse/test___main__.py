"""The embedded ClickHouse as a process: one line when it listens, a clean end, and its rows again afterwards."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from clickhouse_driver import Client


def start(folder: Path, *more: str) -> tuple["subprocess.Popen[str]", dict[str, object]]:
    command = [sys.executable, "-m", "local.clickhouse", "--path", str(folder), "--port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def test_it_says_where_it_listens_and_keeps_what_it_answered(tmp_path: Path) -> None:
    users = ["--user", "ana:word", "--setting", "max_result_rows=5"]
    for number, (sign, code) in enumerate([(signal.SIGKILL, -9), (signal.SIGTERM, 0)]):
        process, said = start(tmp_path, *users)
        with process:
            assert said["server"] == "clickhouse"
            assert str(said["version"]).count(".") == 2
            with Client("127.0.0.1", said["port"], user="ana", password="word") as client:
                client.execute("CREATE TABLE IF NOT EXISTS kept (n Int64) ENGINE = MergeTree ORDER BY n")
                client.execute("INSERT INTO kept VALUES", [{"n": number}])
                assert client.execute("SELECT n FROM kept ORDER BY n") == [(n,) for n in range(number + 1)]
                assert client.execute("SELECT getSetting('max_result_rows')") == [(5,)]
            process.send_signal(sign)
            assert process.wait(60) == code
