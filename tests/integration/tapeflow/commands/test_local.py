"""``tapeflow local``: says where its servers listen, ends on an interrupt, and says so where it can't write."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tapeflow.cli import main

ROOT = Path(__file__).parents[4]


LIMIT_S = 60


@pytest.mark.parametrize("words", [["local"], ["demo", "--seconds", "1"]])
def test_a_folder_that_cannot_be_written_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    monkeypatch.setenv("TAPEFLOW_DATA_DIR", str(taken / "data"))
    ports = ["--kafka-port", "0", "--clickhouse-port", "0", "--redis-port", "0"] if words == ["local"] else []
    assert main([*words, *ports]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "can't write there" in line
    assert str(taken) in line


def test_local_stack_says_where_it_listens_and_ends_on_interrupt(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    ports = ["--kafka-port", "0", "--clickhouse-port", "0", "--redis-port", "0", "--data-dir", str(tmp_path / "data")]
    command = [sys.executable, "-c", "import sys; from tapeflow.cli import main; sys.exit(main())", "local", *ports]
    environment = {**bare, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout is not None
            lines = [stack.stdout.readline() for _ in range(3)]
            exported = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            assert set(exported) == {"TAPEFLOW_KAFKA_BOOTSTRAP", "TAPEFLOW_CLICKHOUSE_DSN", "TAPEFLOW_REDIS_URL"}
            migrate = [*command[:3], "migrate"]
            subprocess.run(migrate, env={**environment, **exported}, cwd=tmp_path, timeout=LIMIT_S, check=True)
            stack.send_signal(signal.SIGINT)
            assert stack.wait(LIMIT_S) == 0
        finally:
            stack.kill()
