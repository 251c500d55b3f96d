"""Delivery to a real HTTP server on this machine: signed, tried again where that helps, kept where it doesn't."""

import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from schemas.alert_rules import AlertRule, Firing
from schemas.errors import SettingError
from sinks.webhook.sender import WebhookOptions, WebhookSender, signature

RULE = AlertRule("r-1", "anna", "A", "above", "1")


def firing(sequence: int) -> Firing:
    return Firing(0, sequence, 0, 0, 1_000_000, 5, 10**10, 10**10, RULE, 10**10, sequence)


class Receiver:
    """Answers with the statuses it was given, the last one for ever; remembers what it got."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                if status == 0:  # breaks off without an answer
                    self.close_connection = True
                    return
                self.send_response(status)
                words = b"" if status == 204 else b"ok"
                if words:
                    self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=1"

    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every sender of a test is closed at its end."""
    yield
    while Sender.open:
        Sender.open.pop().close()


class Sender(WebhookSender):
    """A sender whose dead letters are remembered."""

    open: ClassVar[list["Sender"]] = []

    def __init__(self, url: str, secret: str = "", stop: threading.Event | None = None) -> None:
        self.letters: list[tuple[str, str]] = []
        options = WebhookOptions(url, secret=secret)
        super().__init__(options, self.keep, stop, clock=lambda: 1_700_000_000.9, pause_s=0.001)
        self.open.append(self)

    def keep(self, firing: Firing, body: bytes, why: str) -> None:
        assert json.loads(body)["id"] == firing.id
        self.letters.append((firing.id, why))


def test_alerts_are_signed_and_carry_their_id(receiver: Receiver) -> None:
    sender = Sender(receiver.url, "key")
    sender.send([firing(1), firing(2)])
    assert (receiver.ids(), sender.letters) == (["r-1:1", "r-1:2"], [])
    headers, body = receiver.got[0]
    expected = hmac.new(b"key", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Tapeflow-Signature"] == f"t=1700000000,v1={expected}" == signature("key", 1_700_000_000, body)
    assert (headers["X-Tapeflow-Id"], headers["Content-Type"]) == ("r-1:1", "application/json")
    Sender(receiver.url).send([firing(3)])
    assert "X-Tapeflow-Signature" not in receiver.got[-1][0]


def test_what_may_pass_is_tried_again(receiver: Receiver) -> None:
    receiver.statuses = [503, 429, 0, 204, 200]
    sender = Sender(receiver.url)
    sender.send([firing(1), firing(2)])
    assert (receiver.ids(), sender.letters) == (["r-1:1"] * 4 + ["r-1:2"], [])


def test_what_is_refused_is_kept_at_once(receiver: Receiver) -> None:
    receiver.statuses = [410, 200]
    sender = Sender(receiver.url)
    sender.send([firing(1), firing(2)])
    assert (receiver.ids(), sender.letters) == (["r-1:1", "r-1:2"], [("r-1:1", "HTTP 410")])


def test_a_receiver_that_is_away_is_left_alone_for_a_while(receiver: Receiver) -> None:
    receiver.statuses = [500]
    sender = Sender(receiver.url)
    sender.send([firing(1), firing(2)])
    assert receiver.ids() == ["r-1:1"] * 5
    assert sender.letters == [("r-1:1", "HTTP 500"), ("r-1:2", "the receiver took nothing a moment ago")]


def test_nobody_there_costs_no_alert() -> None:
    sender = Sender("http://127.0.0.1:1/")
    sender.send([firing(1)])
    ((alert, why),) = sender.letters
    assert (alert, "refused" in why) == ("r-1:1", True)


def test_a_stop_ends_the_tries(receiver: Receiver) -> None:
    stop = threading.Event()
    stop.set()
    receiver.statuses = [503]
    sender = Sender(receiver.url, stop=stop)
    sender.send([firing(1)])
    assert sender.letters == [("r-1:1", "stopped after: HTTP 503")]


def test_https_is_spoken_and_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="bad webhook"):
        Sender("ftp://host/")
    sender = Sender("https://127.0.0.1:1")
    sender.send([firing(1)])
    assert len(sender.letters) == 1
