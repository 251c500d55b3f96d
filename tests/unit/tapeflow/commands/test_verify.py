"""What ``tapeflow verify`` says of a comparison: counts in both forms, and when there was nothing to compare."""

import json

import pytest

import jobs.verify
from oracle.comparison import Comparison
from tapeflow.cli import main


def said(
    found: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(jobs.verify, "verify_bars", lambda *_: found)
    code = main(["verify", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_nothing_to_compare_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(Comparison(), monkeypatch, capsys)
    assert (code, out) == (0, "0 bars compared, 0 differ\n")
    assert "no valid trade" in err
    assert "no valid trade" not in said(Comparison(cut=3), monkeypatch, capsys)[2]


def test_repaired_bars_and_those_of_other_symbols_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Comparison(compared=9, repaired=2, elsewhere=1)
    line = "9 bars compared, 0 differ, 2 repaired by late trades; 1 stored of symbols that the records don't hold\n"
    assert said(found, monkeypatch, capsys)[:2] == (0, line)
    code, out, _ = said(found, monkeypatch, capsys, "--json")
    plain = json.loads(out)
    assert (code, plain["repaired"], plain["elsewhere"]) == (0, 2, 1)
