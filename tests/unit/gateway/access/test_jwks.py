"""The document of keys is fetched within a time, whole, and never over a connection that became plain."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from gateway.access.jwks import BYTES_MAX, download_jwks


class Answers(BaseHTTPRequestHandler):
    """Paths: /keys, /big, /slow-head, /slow-body, /to?URL."""

    over: ClassVar[threading.Event]

    def do_GET(self) -> None:
        name, _, target = self.path.partition("?")
        if name == "/to":
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name == "/slow-head":
            self.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000)
            return
        body = b'{"keys": []' + b" " * (BYTES_MAX if name == "/big" else 0) + b"}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if name == "/slow-body":
            self.drip(body)
        else:
            self.wfile.write(body)

    def drip(self, data: bytes) -> None:
        """A byte at a time, each well within the time that a pause may take."""
        for byte in data:
            if self.over.wait(0.05):
                return
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server(context: ssl.SSLContext | None = None) -> Iterator[str]:
    Answers.over = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        if context is not None:
            running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{running.server_address[1]}"
        Answers.over.set()
        running.shutdown()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with server() as url:
        yield url


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("no_proxy", "*")
    with server(context) as url:
        yield url


def test_a_document_is_fetched_over_both_schemes(plain: str) -> None:
    assert download_jwks(f"{plain}/keys") == {"keys": []}
    assert download_jwks(f"{plain}/to?{plain}/keys") == {"keys": []}


def test_a_redirect_stays_on_https(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert download_jwks(f"{secure}/keys") == {"keys": []}
    assert download_jwks(f"{secure}/to?{secure}/keys") == {"keys": []}
    with pytest.raises(OSError, match=r"from https to http:.*not followed"):
        download_jwks(f"{secure}/to?http://127.0.0.1:1/keys")


@pytest.mark.parametrize("path", ["/slow-head", "/slow-body"])
def test_an_answer_that_drips_is_given_up_in_time(plain: str, path: str) -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.4 s"):
        download_jwks(f"{plain}{path}", total_s=0.4)


def test_an_answer_without_end_is_given_up(plain: str) -> None:
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        download_jwks(f"{plain}/big")
