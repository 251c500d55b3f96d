"""What a user sees: help with examples, one line and exit 2 for his mistakes, exit 1 for ours."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import InputError, TapeflowError
from tapeflow import cli
from tapeflow.cli import main

ROOT = Path(__file__).parents[3]
VERBS = tuple(verb.__name__ for verb in cli.VERBS)
TRADES = "event_time_us,symbol,price,size\n1767571140000000,AAA,100,1\n"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("TAPEFLOW_CONFIG", "TAPEFLOW_KAFKA_BOOTSTRAP", "TAPEFLOW_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "trades.csv").write_text(TRADES)
    (tmp_path / "header.csv").write_text(TRADES.splitlines()[0] + "\n")
    (tmp_path / "refused.csv").write_text(
        TRADES.replace(",100,", ",abc,") + TRADES.splitlines()[1].replace("100", "-5")
    )
    (tmp_path / "link.csv").symlink_to("trades.csv")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"tapeflow {verb}" in " ".join(text.split())


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tapeflow 0.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("frob", "No such command 'frob'"),
        ("bars", "Missing argument 'files'"),
        ("bars nope.csv", "no such file (nope.csv)"),
        ("bars trades.csv --frob", "No such option: --frob"),
        ("bars trades.csv --intervals 10m", "Invalid interval: 10m. Valid: 1m, 5m, 15m, 1h, 4h, 1D, 1W"),
        ("bars trades.csv --intervals ,", "no interval given"),
        ("bars trades.csv --out no/where.csv", "no such folder"),
        ("bars trades.csv --field-map price", "can't read 'price'"),
        ("bars trades.csv --field-map cost=p", "cost"),
        ("bars trades.csv --out-of-order-ms -5", "TAPEFLOW_OUT_OF_ORDER_MS is -5"),
        ("bars trades.csv --lateness-ms 9223372036854775", "less than or equal to 31622400000"),
        ("bars trades.csv --out trades.csv", "--out would overwrite the trades (trades.csv)"),
        ("bars trades.csv --out link.csv", "--out would overwrite the trades (link.csv)"),
        ("bars trades.csv --out ./a.csv --rejects a.csv", "--rejects would overwrite the bars (a.csv)"),
        ("bars trades.csv --out a.csv --rejects trades.csv", "--rejects would overwrite the trades"),
        ("bars trades.csv --rejects -", "--rejects would overwrite the bars (standard output)"),
        ("bars trades.csv --out /dev/full", "can't write: No space left on device (/dev/full)"),
        ("produce", "give a FILE or --synthetic"),
        ("produce trades.csv --rate 5 --speed 5", "give --rate or --speed, not both"),
        ("produce trades.csv --trades 5", "as they are (--trades): leave --trades out, or give --synthetic instead"),
        ("produce trades.csv --seed 5", "(--seed)"),
        ("produce trades.csv --symbols 5", "(--symbols)"),
        ("produce --synthetic --seconds 1 --speed 10", "its own trades (--speed): leave --speed out, or give a FILE"),
        ("produce --synthetic --seconds 1 --field-map price=p", "(--field-map)"),
        ("produce --synthetic", "a synthetic market has no end"),
        ("run nonsense", "'live', 'history'"),
        ("run live --processes 0", "--processes"),
        ("demo --file nope.csv", "no such file (nope.csv)"),
        ("demo --file header.csv --quotes", "a file has no quotes (--quotes): leave --quotes or --file out"),
        ("demo --feed BITGET.ws", "can't read 'BITGET.ws' (--feed): say play:FILE"),
        ("demo --feed play:nowhere", "recording can't be read"),
        ("demo --feed play:trades.csv", "the recording names no address (trades.csv): give one with an address"),
        ("demo --feed play:x --rate 5", "a session is played as it was (--rate): leave --rate or --feed out"),
        ("demo --feed play:x --quotes", "a file has no quotes (--quotes): leave --quotes or --feed out"),
        ("demo --file header.csv", "the file holds no valid trade (header.csv): tapeflow bars FILE --rejects"),
        ("demo --file refused.csv", "the file holds no valid trade (refused.csv)"),
        ("demo --json no/where.json", "no such folder"),
        ("demo --seconds x", "--seconds"),
        ("demo --json .", "can't write: it is a folder (.)"),
        ("demo --rate inf", "Invalid value for '--rate'"),
        ("demo --seconds inf", "Invalid value for '--seconds'"),
        ("produce --synthetic --rate inf", "Invalid value for '--rate'"),
        ("produce trades.csv --speed inf", "Invalid value for '--speed'"),
        ("produce --synthetic --seconds inf", "Invalid value for '--seconds'"),
        ("produce --synthetic --trades 1 --seed -1", "Invalid value for '--seed'"),
        ("produce trades.csv --partitions 100000000", "Invalid value for '--partitions'"),
        ("watch AAPL --url ws://127.0.0.1:99999", "'ws://127.0.0.1:99999' is no address of a gateway (--url)"),
        ("watch AAPL --url ws://[::1", "is no address of a gateway"),
        ("watch AAPL --url http://127.0.0.1:8080", "say ws://host:port"),
        ("watch AAPL --seconds inf", "Invalid value for '--seconds'"),
        ("publish news \udcff", "the data are not UTF-8: byte 0xff at 0 (the argument)"),
        ("verify --intervals 3m", "Invalid interval: 3m"),
    ],
)
def test_mistake_is_one_line_and_exit_2(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    # A verb whose kernels have yet to be compiled takes long enough to say how far it is.
    lines = [line for line in shown.err.splitlines() if not line.startswith("reading ")]
    assert len(lines) == 1
    assert lines[0].startswith("tapeflow: ")
    assert Path("trades.csv").read_text() == TRADES


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (io.TextIOWrapper(io.BytesIO(b'{"a":"\xe9"}')), "the data are not UTF-8: byte 0xe9 at 6 (standard input)"),
        (io.TextIOWrapper(io.BytesIO()), "no data (standard input): give a JSON object"),
        (None, "no data (standard input): give a JSON object"),
    ],
)
def test_what_is_no_message_on_standard_input_is_one_line(
    stdin: io.TextIOWrapper | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["publish", "news", "-"]) == 2
    assert capsys.readouterr().err.startswith(f"tapeflow: {said}")


def test_a_file_that_is_cut_short_is_one_line_and_no_bars(capfd: pytest.CaptureFixture[str]) -> None:
    packed = gzip.compress((TRADES + TRADES.splitlines()[1] + "\n").encode() * 50_000, mtime=0)
    Path("cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert main(["bars", "cut.csv.gz", "--out", "bars.csv", "--rejects", "rejects.csv"]) == 2
    assert capfd.readouterr().err == "tapeflow: the gzip file is cut short or damaged (cut.csv.gz)\n"
    assert not Path("bars.csv").exists()
    assert not Path("rejects.csv").exists()


def test_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TAPEFLOW_CONFLATION_MS", "soon")
    assert main(["settings"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "tapeflow: TAPEFLOW_CONFLATION_MS is 'soon': allowed is whole number 0..60000, in ms"
    ]


def test_settings_are_masked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", "redis://me:hidden@host:6379/0")
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", '{"sasl.password": "hidden"}')
    assert main(["settings", "--json"]) == 0
    text = capsys.readouterr().out
    assert "hidden" not in text
    assert json.loads(text)["redis_url"] == "redis://***@host:6379/0"
    assert main(["settings"]) == 0
    assert "hidden" not in capsys.readouterr().out


def failing(error: Exception) -> Callable[..., int]:
    def app(*_words: object, **_options: object) -> int:
        raise error

    return app


def wrapped(inner: Exception) -> Exception:
    outer = RuntimeError("step failed")
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("bad file"), 2), (TapeflowError("a defect"), 1), (wrapped(InputError("bad file")), 2)],
)
def test_error_below_the_engine_keeps_its_line_and_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", failing(error))
    assert main([]) == code
    assert capsys.readouterr().err in ("tapeflow: bad file\n", "tapeflow: a defect\n")


def test_unexpected_failure_is_one_log_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", failing(ZeroDivisionError("x")))
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["error"] == "ZeroDivisionError: x"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "app", failing(ZeroDivisionError("x")))
    assert main(["bars", "--debug"]) == 1
    assert "exception" in capsys.readouterr().err


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "app", failing(wrapped(KeyboardInterrupt())))  # type: ignore[arg-type]  # below the engine
    assert main([]) == 130


def piped(words: str, into: str) -> tuple[int, str]:
    """Exit code and standard error of a command whose output goes to a place that doesn't take all of it."""
    reader, writer = os.pipe()
    if into == "head":
        os.close(reader)  # has seen enough before the first line
    else:
        os.close(writer)
        writer = os.open(into, os.O_WRONLY)
    code = "import sys; from tapeflow.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", ["--help", "settings", "bars trades.csv"])
def test_a_reader_that_has_seen_enough_is_no_failure(words: str) -> None:
    code, said = piped(words, "head")
    assert (code, said.count("\n")) == (0, 0)


@pytest.mark.parametrize("words", ["--help", "settings", "bars trades.csv"])
def test_output_that_cannot_be_written_is_one_line(words: str) -> None:
    assert piped(words, "/dev/full") == (
        2, "tapeflow: can't write: No space left on device (standard output): choose another place\n"
    )  # fmt: skip
