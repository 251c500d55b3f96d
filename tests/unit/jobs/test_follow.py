"""What a follower makes of messages: state, gaps, ages, advice of a gateway that stops."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from jobs.follow import Follower
from schemas.errors import SettingError

SNAPSHOT = {"type": "snapshot", "symbol": "A", "price": 1, "bid": None, "timestamp": 900, "sequence": 5}


def delta(previous: int, sequence: int, **changed: Any) -> dict[str, Any]:
    return {"type": "delta", "symbol": "A", **changed, "timestamp": 950, "sequence": sequence, "previous": previous}


def test_deltas_change_the_snapshot_field_by_field() -> None:
    follower = Follower("ws://host:1", ["A"])
    assert follower.take(SNAPSHOT, 1000) == ""
    assert follower.take(delta(5, 7, price=2), 1000) == ""
    held = follower.symbols["A"]
    assert held.fields == {"symbol": "A", "price": 2, "bid": None, "timestamp": 950, "sequence": 7}
    assert (held.snapshots, held.deltas, held.gaps, list(held.ages_ms)) == (1, 1, 0, [100, 50])


def test_a_delta_that_does_not_apply_is_a_gap_and_changes_nothing() -> None:
    follower = Follower("ws://host:1", ["A"])
    follower.take(SNAPSHOT, 1000)
    assert follower.take(delta(6, 7, price=2), 1000) == "A"
    assert (follower.gaps, follower.symbols["A"].fields["price"], follower.symbols["A"].sequence) == (1, 1, 5)


def test_a_new_snapshot_forgets_the_old_fields() -> None:
    follower = Follower("ws://host:1", ["A"])
    follower.take({**SNAPSHOT, "exchange": "X"}, 1000)
    follower.take(SNAPSHOT, 1000)
    assert "exchange" not in follower.symbols["A"].fields


def test_messages_of_others_and_errors_are_only_counted() -> None:
    follower = Follower("ws://host:1", ["A"])
    follower.take({**SNAPSHOT, "symbol": "B"}, 1000)
    follower.take({"type": "error", "code": "INVALID_SYMBOL", "message": "no"}, 1000)
    follower.take({"type": "pong"}, 1000)
    assert (follower.messages, list(follower.problems)) == (3, ["INVALID_SYMBOL: no"])
    assert follower.symbols["A"].fields == {}


@pytest.mark.parametrize(
    ("url", "full"),
    [("ws://host:1", "ws://host:1/ws/prices"), ("wss://host/", "wss://host/ws/prices"), ("ws://h/gw/p", "ws://h/gw/p")],
)
def test_a_bare_address_gets_the_path(url: str, full: str) -> None:
    assert Follower(url).url == full


def closed(code: int, reason: str) -> ConnectionClosedError:
    return ConnectionClosedError(Close(code, reason), None)


def test_a_refusal_is_an_error_and_a_drain_is_advice() -> None:
    follower = Follower("ws://host:1")
    assert follower._closed(closed(1001, "shutting down: reconnect in 1500 ms")) == 1.5
    assert follower._closed(closed(4009, "too slow")) == 0
    assert follower._closed(ConnectionClosedError(None, None)) == 0
    with pytest.raises(SettingError, match=r"the gateway refused: bad \(close code 4001\)"):
        follower._closed(closed(4001, "bad"))
