"""The demo's screen: figures of the last seconds, plain lines off a terminal, a picture on one."""

import io
import re
from collections import deque

import pytest
from rich.console import Console

from demo.figures import Figures
from demo.view import DemoView, Moment, sparkline


def moment(at_s: float, records: int) -> Moment:
    figures = Figures()
    figures.read[0] = records
    figures.outcomes[0]["applied"] = records - 2
    figures.outcomes[0]["rejected"] = 2
    figures.rejects["corrupt"] = 2
    figures.buckets.update({5.0: records / 2, 10.0: float(records), float("inf"): float(records)})
    return Moment(at_s, records, {"live": figures})


def shown(terminal: bool, *moments: Moment) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, highlight=False, _environ={})
    with DemoView(console, "five symbols", 20) as view:
        view.say("starting")
        for each in moments:
            view.show(each)
    return out.getvalue()


def test_off_a_terminal_a_line_comes_every_two_seconds() -> None:
    lines = shown(False, *(moment(quarter / 4, 100 * quarter + 10) for quarter in range(17))).splitlines()
    assert lines[0] == "starting"
    assert len(lines) == 4
    assert "live 810 (400/s) lag 0" in lines[2]
    assert "rejected 2 p50/p99 5.0/9.9 ms" in lines[2]


def test_on_a_terminal_the_table_is_drawn() -> None:
    text = shown(True, moment(0, 10), moment(2, 2_010))
    assert "five symbols" in text
    assert "2,010" in text
    assert "1,000" in text
    assert "corrupt 2" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_one_address_stands_out_before_the_lines_for_a_shell(terminal: bool) -> None:
    out = io.StringIO()
    view = DemoView(Console(file=out, force_terminal=terminal, width=40, highlight=False, _environ={}), "", None)
    view.offer("http://127.0.0.1:8080/", ["curl http://127.0.0.1:8080/api/prices/BTC%2FUSDT and more"])
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in out.getvalue().splitlines()]
    assert lines[:3] == ["", "  Open in a browser:  http://127.0.0.1:8080/", ""]
    assert lines[-1] == "  curl http://127.0.0.1:8080/api/prices/BTC%2FUSDT and more", "a line to paste stays one line"


def test_sparkline_spans_from_nothing_to_the_highest() -> None:
    assert sparkline(deque([0.0, 50.0, 100.0])) == "▁▅█"
    assert sparkline(deque([0.0, 0.0])) == "▁▁"
    assert sparkline(deque()) == ""
