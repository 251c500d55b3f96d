"""The demo as a user starts it: it ends by itself, proves itself, and leaves nothing behind."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "import sys; from tapeflow.cli import main; sys.exit(main())", "demo"]
ROOT = Path(__file__).parents[4]
LIMIT_S = 300


def environment(folder: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    return {**bare, "TAPEFLOW_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def left_over(folder: Path) -> list[str]:
    """Command lines of processes that still speak of ``folder``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder / "data") in line:
            found.append(line)
    return found


def test_synthetic_demo_proves_itself(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    words = ["--seconds", "8", "--rate", "1000", "--symbols", "10", "--bad-every", "100", "--quotes"]
    words += ["--json", str(summary)]
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(summary.read_text())
    counts = found["proof"]["counts"]
    assert found["holds"] is True
    assert counts["read"] == found["sent"] == sum(counts[name] for name in ("applied", "duplicate", "late", "rejected"))
    assert all(counts[name] > 0 for name in ("duplicate", "late", "rejected"))
    assert len(found["flows"]["live"]["rejects"]) == 9
    assert {check["name"] for check in found["proof"]["checks"]} == {
        "topic", "live account", "history account", "ClickHouse", "Redis", "dead letters", "routing", "providers",
        "exposure", "rules", "quotes", "WebSocket client",
    }  # fmt: skip
    assert "equals the oracle's" in done.stdout
    assert left_over(tmp_path) == []
    assert list((tmp_path / "data" / "demo").iterdir()) == []


@pytest.mark.thorough
def test_a_recorded_session_is_played_and_proved(tmp_path: Path) -> None:
    trade = '{"tradeId":"%d","ts":"%d","price":"%d.5","size":"0.5","side":"buy"}'
    push = '%d.%d: {"action":"update","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},"data":[%s]}\n'
    start_ms, path = 1_695_709_800_000, tmp_path / "session.ws"
    lines = [push % (1_695_709_835 + number // 10, number % 10, trade % (number, start_ms + number * 4_000, number))
             for number in range(1, 31)]  # fmt: skip
    path.write_text("wss://ws.bitget.com/v2/ws/public <-> 1695709835.0\n" + "".join(lines))
    done = run(tmp_path, "--feed", f"play:{path}", "--bad-every", "0", "--no-desk", "--json", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["holds"], found["file"]) == (True, str(path))
    assert found["proof"]["counts"] == {"read": 30, "applied": 30, "duplicate": 0, "late": 0, "rejected": 0}
    assert found["seconds"] >= 2.9


@pytest.mark.thorough
def test_file_demo_ends_with_the_file(tmp_path: Path) -> None:
    path = ROOT / "tests" / "golden" / "trades.csv"
    words = ["--file", str(path), "--bad-every", "0", "--rate", "20", "--json", "-"]
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    # Two of the 17 rows are no trades at all; four break a rule and reach the dead letters.
    assert found["proof"]["counts"] == {"read": 15, "applied": 11, "duplicate": 0, "late": 0, "rejected": 4}


@pytest.mark.thorough
def test_interrupt_ends_the_demo_with_its_proof(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--rate", "200", "--symbols", "3"],
        env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as demo:  # fmt: skip
        try:
            assert demo.stdout is not None
            for line in demo.stdout:
                if "sent" in line and "sent 0 " not in line:
                    break
            demo.send_signal(signal.SIGINT)
            rest = demo.stdout.read()
            assert demo.wait(LIMIT_S) == 0, rest
            assert "equals the oracle's" in rest
        finally:
            demo.kill()
    assert left_over(tmp_path) == []


@pytest.mark.thorough
def test_on_a_terminal_the_page_of_a_file_stays_until_ctrl_c(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    path = ROOT / "tests" / "golden" / "trades.csv"
    words = ["--file", str(path), "--bad-every", "0", "--rate", "20"]
    told = b""
    with subprocess.Popen(
        [*COMMAND, *words], env=environment(tmp_path), cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs,
    ) as demo:  # fmt: skip
        os.close(theirs)
        try:
            while b"the page stays until Ctrl-C" not in told:
                told += os.read(ours, 65_536)
            page = re.search(rb"Open in a browser:  (?:\x1b\[[\d;]*m)*(http://127\.0\.0\.1:\d+/)", told)
            assert page, told
            with urllib.request.urlopen(page[1].decode(), timeout=10) as answer:
                assert b"<title>tapeflow</title>" in answer.read()
            assert demo.poll() is None
            demo.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):  # the terminal is gone with the demo
                while more := os.read(ours, 65_536):
                    told += more
            assert demo.wait(LIMIT_S) == 0, told
        finally:
            demo.kill()
            os.close(ours)
    assert b"equals the oracle's" in told


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--rate", "0"]])
def test_senseless_numbers_are_refused(words: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.thorough
def test_a_long_demo_proves_its_beginning_within_a_bound(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    words = ["--seconds", "6", "--rate", "1000", "--symbols", "10", "--prove-max", "2000", "--json", str(summary)]
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    proof = json.loads(summary.read_text())["proof"]
    assert (proof["holds"], proof["whole"]) == (True, False)
    assert 1_900 < proof["counts"]["read"] <= 2_000
    assert "every bar of the records proved equals the oracle's" in done.stdout
