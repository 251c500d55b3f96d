"""The bench of peers gives a figure only where the counts are right, and runs a real peer end to end."""

import dataclasses
import socket
import sys
from pathlib import Path

import pytest

from bench.gateway_fanout_reader import FIRST_SEQUENCE, Connection, message
from bench.peers.building import build, run_tool
from bench.peers.fanout_reader import AnyReader
from bench.peers.flow_peers import PEERS
from bench.peers.peer import HERE, Peer, code_lines
from bench.peers.running import Unfinished, WrongCount, run_peer
from bench.rig import Rig, Tape, fill_topic
from tests.servers.needs import Missing

NO_SERVERS = Rig("127.0.0.1:1", "", "")
TAPE = Tape("topic", 100, 2, 2, 0, 0, 6, 70.0)
TOLD = ['{"trades": 50}', '{"trades": 100}', '{"trades_in_bars": [100], "bars": 6}']


def peer_that_says(*lines: str) -> tuple[Peer, list[str]]:
    said = "".join(f"{line}\n" for line in lines)
    return Peer("said", "", list), [sys.executable, "-c", f"print({said!r}, end='')"]


def test_a_run_has_rates_only_with_the_counts_of_the_tape() -> None:
    run = run_peer(*peer_that_says("starting", *TOLD), NO_SERVERS, TAPE)
    assert [mark.trades for mark in run.marks] == [50, 100]
    assert run.rate(0.5) == run.rate(0.8) > 0
    assert run.peak_rss_mb > 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([*TOLD[:2], '{"trades_in_bars": [99], "bars": 6}'], "99 trades in bars instead of 100"),
        ([*TOLD[:2], '{"trades_in_bars": [100, 101], "bars": 6}'], "101 trades in bars"),
        ([*TOLD[:2], '{"trades_in_bars": [100], "bars": 5}'], "5 bars instead of 6"),
        (['{"trades": 0}', TOLD[0], TOLD[2]], "50 trades counted instead of 100"),
    ],
)
def test_a_wrong_count_gives_no_figure(lines: list[str], words: str) -> None:
    with pytest.raises(WrongCount, match=words):
        run_peer(*peer_that_says(*lines), NO_SERVERS, TAPE)


def test_a_peer_that_says_no_end_gives_no_figure() -> None:
    with pytest.raises(Unfinished, match="2 marks"):
        run_peer(*peer_that_says(*TOLD[:2]), NO_SERVERS, TAPE)
    waits = [sys.executable, "-c", "input()"]
    with pytest.raises(Unfinished):
        run_peer(peer_that_says()[0], waits, NO_SERVERS, TAPE, run_s=0.2)


def test_a_build_that_was_broken_off_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.peers.building.CACHE", tmp_path)
    with pytest.raises(Missing, match="can't be built here"):
        build("it", [HERE / "peer.py"], lambda _: run_tool([sys.executable, "-c", "raise SystemExit('error: boom')"]))
    made = build("it", [HERE / "peer.py"], lambda folder: (folder / "first").touch())
    assert build("it", [HERE / "peer.py"], lambda folder: (folder / "second").touch()) == made
    assert {path.name for path in made.iterdir()} == {"first", "whole"}


def test_one_client_finds_messages_in_whatever_frames_they_come() -> None:
    reader, connection = AnyReader(0, 0), Connection(socket.socket())
    first, second, third = (message(7, FIRST_SEQUENCE + number) for number in (1, 2, 4))
    framed = b'\x81\x7e\x00\xff{"push":{"channel":"S0007","pub":{"data":' + first + b"}}}\n" + second + b"}}}"
    for cut in (0, 30, 60, 300):
        reader.messages, connection.rest, connection.expected = 0, b"", {}
        for part in (framed[:cut], framed[cut:]):
            reader.take(connection, connection.rest + part, latency=True)
        assert reader.messages == 2
    with pytest.raises(AssertionError, match=r"4 came, .*3 was due"):
        reader.take(connection, connection.rest + third, latency=False)
    connection.link.close()
    reader.close()


def test_lines_to_write_leave_out_what_says_nothing() -> None:
    assert code_lines("import a\n\n# why\nx = f(\n    1,\n)\n/** What. */\nfinal class A {\n}\n") == 3


def test_stock_bytewax_counts_every_trade(kafka_bootstrap: str) -> None:
    rig = dataclasses.replace(NO_SERVERS, bootstrap=kafka_bootstrap)
    tape = fill_topic(rig, "peers-few", 2_000, 20, market_rate=10)
    assert tape.minute_bars > 60
    peer = next(each for each in PEERS if each.name == "bytewax")
    run = run_peer(peer, peer.build(), rig, tape)
    assert run.ended == {"trades_in_bars": [tape.trades], "bars": tape.minute_bars}
