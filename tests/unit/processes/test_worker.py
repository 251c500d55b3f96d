"""One process of a flow: its last line, and where native code may print."""

import os
import subprocess
import sys
import tempfile

import pytest

from processes.worker import main

NATIVE = """
import os, sys
from runtime.stopping import say_last
from processes.worker import keep_native_back, native_words
keep_native_back(int(sys.argv[1]))
os.write(2, b"backtrace of the engine\\n")
sys.stderr.write("a line of ours\\n")
assert native_words() == "backtrace of the engine\\n"
say_last("tapeflow: the last line")
os.abort()
"""


def test_what_native_code_prints_is_kept_for_the_parent_even_when_it_aborts() -> None:
    with tempfile.TemporaryFile() as words:
        command = [sys.executable, "-c", NATIVE, str(words.fileno())]
        ended = subprocess.run(command, pass_fds=[words.fileno()], stderr=subprocess.PIPE, check=False)
        assert ended.returncode < 0
        assert ended.stderr == b"a line of ours\n"
        assert os.pread(words.fileno(), 100, 0) == b"backtrace of the engine\ntapeflow: the last line\n"


def test_a_wrong_setting_is_a_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_EPOCH_MS", "soon")
    with pytest.raises(SystemExit) as ended:
        main(["live"])
    assert ended.value.code == 2
    said = capfd.readouterr().err
    assert said.startswith("tapeflow: ")
    assert "TAPEFLOW_EPOCH_MS" in said
    assert said.count("\n") == 1
