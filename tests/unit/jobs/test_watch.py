"""The screen of ``tapeflow watch``: rows, colours of change, ages that say something, lines for a log."""

import io
from decimal import Decimal
from typing import Any

from rich.console import Console

from jobs.follow import Followed, Follower
from jobs.watch import WatchView, ages, message_line

FIELDS = {"price": Decimal("187.4200000001"), "bid": 187, "ask": None, "volume": 1520, "changePercent": Decimal("-0.5")}
SNAPSHOT: dict[str, Any] = {"type": "snapshot", "symbol": "AAPL", **FIELDS, "timestamp": 900, "sequence": 5}


def shown(follower: Follower) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(WatchView(follower).render(1.0))
    return console.export_text()


def test_a_row_shows_every_digit_and_what_is_not_known() -> None:
    follower = Follower("ws://host:1", ["AAPL", "NEW"])
    follower.take(SNAPSHOT, 1000)
    text = shown(follower)
    assert "reconnecting" in text
    assert [part for line in text.splitlines() if "AAPL" in line for part in line.split()] == [
        "AAPL", "187.4200000001", "-0.5", "187", "–", "1,520", "1", "100", "100", "0", "5",
    ]  # fmt: skip
    assert "no trade yet" in text


def test_ages_of_a_made_up_market_are_not_shown() -> None:
    followed = Followed()
    assert ages(followed) == ("–", "–")
    followed.ages_ms.extend([5e8, 6e8])
    assert ages(followed) == ("–", "–")


def test_a_line_names_every_field_that_came() -> None:
    line = message_line({"type": "delta", "symbol": "AAPL", "price": Decimal("1.50"), "bid": None}, 3_723_004)
    assert line == "01:02:03.004 delta AAPL price=1.50 bid=null"
    assert message_line({"type": "pong"}, 0) == "00:00:00.000 pong"
