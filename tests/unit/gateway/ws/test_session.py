"""A session above its frames, with a link that writes down what it is told."""

import pytest

from core.fanout.client import HELD_BY_BUDGET, HELD_BY_TRANSPORT, Client, HubLimits
from core.fanout.dialect import Variant
from core.fanout.hub import Hub
from gateway.ws.dialects.prices import PricesDialect
from gateway.ws.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from gateway.ws.session import Session

PLAIN = {"fin": True, "rsv1": False, "rsv23": False}


class Notes:
    """A Link."""

    def __init__(self) -> None:
        self.closes: list[int] = []
        self.pongs: list[bytes] = []
        self.pings = 0

    def ping(self) -> None:
        self.pings += 1

    def pong(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def close(self, code: int, reason: str) -> None:
        self.closes.append(code)


def make(*, deflate: bool = False, expires_s: float | None = None) -> tuple[Session, Notes, Hub]:
    hub, notes = Hub(HubLimits()), Notes()
    client = Client("c", Variant("v", PricesDialect(), b"".join), 0, hub.limits)
    hub.connect(client, 0)
    session = Session(hub, client, notes, 0, deflate=deflate, msgpack=False, inbound_max=100, expires_s=expires_s)
    return session, notes, hub


def replies(session: Session) -> bytes:
    return b"".join(session.client.replies or [])


def test_a_message_in_fragments_is_one_message() -> None:
    session, notes, _ = make()
    session.frame(TEXT, b'{"type":', 0, fin=False, rsv1=False, rsv23=False)
    session.frame(PING, b"p", 0, **PLAIN)
    session.frame(CONTINUATION, b'"ping"}', 0, **PLAIN)
    assert notes.pongs == [b"p"]
    assert b"pong" in replies(session)
    assert notes.closes == []


@pytest.mark.parametrize(
    ("opcode", "payload", "bits", "code"),
    [
        (TEXT, b"x" * 101, PLAIN, 1009),
        (TEXT, b"\xff", PLAIN, 1007),
        (CONTINUATION, b"", PLAIN, 1002),
        (TEXT, b"", PLAIN | {"rsv1": True}, 1002),
        (TEXT, b"", PLAIN | {"rsv23": True}, 1002),
        (CLOSE, b"\x03\xe9bye", PLAIN, 1001),
        (CLOSE, b"", PLAIN, 1000),
    ],
)
def test_frames_that_end_the_session(opcode: int, payload: bytes, bits: dict[str, bool], code: int) -> None:
    session, notes, hub = make()
    session.frame(opcode, payload, 0, **bits)
    session.frame(TEXT, b"{}", 0, **PLAIN)
    assert notes.closes == [code]
    assert not hub.clients


def test_compressed_rubbish_is_no_text() -> None:
    session, notes, _ = make(deflate=True)
    session.frame(TEXT, b"\xff\xff\xff", 0, fin=True, rsv1=True, rsv23=False)
    assert notes.closes == [1007]


def test_binary_from_a_json_client_is_read_as_json_or_refused_politely() -> None:
    session, notes, _ = make()
    session.frame(BINARY, b"\x81\xa4type", 0, **PLAIN)
    assert b"PARSE_ERROR" in replies(session)
    assert notes.closes == []


def test_pings_pongs_and_the_end_of_a_token() -> None:
    session, notes, _ = make(expires_s=100)
    session.tick(29_000, ping_ms=30_000, pong_ms=60_000)
    session.tick(30_000, ping_ms=30_000, pong_ms=60_000)
    assert notes.pings == 1
    session.frame(PONG, b"", 59_000, **PLAIN)
    session.tick(61_000, ping_ms=30_000, pong_ms=60_000)
    assert notes.closes == []
    session.tick(100_000, ping_ms=30_000, pong_ms=60_000)
    assert notes.closes == [4001]


def test_without_pongs_it_ends() -> None:
    session, notes, _ = make()
    session.tick(60_001, ping_ms=30_000, pong_ms=60_000)
    assert notes.closes == [1011]


def test_a_client_that_does_not_read_gets_no_pongs_piled_up() -> None:
    session, notes, hub = make()
    hub.delivery.hold(session.client, HELD_BY_TRANSPORT, 0)
    session.frame(PING, b"p", 0, **PLAIN)
    assert notes.pongs == []


def test_a_busy_client_that_reads_is_pinged_and_answered() -> None:
    session, notes, hub = make()
    hub.delivery.hold(session.client, HELD_BY_BUDGET, 0)
    session.frame(PING, b"p", 1, **PLAIN)
    session.tick(30_000, ping_ms=30_000, pong_ms=60_000)
    assert (notes.pongs, notes.pings) == ([b"p"], 1)


def test_a_ping_that_could_not_be_sent_is_sent_as_soon_as_it_can() -> None:
    session, notes, hub = make()
    hub.delivery.hold(session.client, HELD_BY_TRANSPORT, 0)
    session.tick(30_000, ping_ms=30_000, pong_ms=60_000)
    assert notes.pings == 0
    hub.delivery.release(session.client, HELD_BY_TRANSPORT)
    session.tick(31_000, ping_ms=30_000, pong_ms=60_000)
    assert notes.pings == 1


def test_as_many_messages_a_second_as_the_limit_says() -> None:
    session, notes, hub = make()
    for _ in range(4 * hub.limits.in_per_s):
        session.frame(TEXT, b'{"type":"ping"}', 0, **PLAIN)
    hub.flush(0)
    assert hub.take_closes() == []
    assert notes.closes == []
    session.frame(TEXT, b'{"type":"ping"}', 0, **PLAIN)
    assert [code for _client, code, _reason in hub.take_closes()] == [4008]
