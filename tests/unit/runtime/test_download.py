"""A document is fetched whole within a time and a size, or not at all."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from runtime.download import download

FAILED = (OSError, ValueError, http.client.HTTPException)


class Answers(BaseHTTPRequestHandler):
    """By path: a document, a drip of one byte at a time, a redirect, an error, something else than HTTP."""

    def do_GET(self) -> None:
        if self.path == "/here":
            self.send_response(302)
            self.send_header("Location", "/document")
            self.end_headers()
        elif self.path == "/document":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 100)
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            with_pauses = threading.Event()
            while not with_pauses.wait(0.05):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
        elif self.path == "/strange":
            self.wfile.write(b"not HTTP at all\r\n\r\n")
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_document_comes_whole_also_over_a_redirect() -> None:
    with serving() as url:
        for path in ("/document", "/here"):
            assert download(url + path, total_s=10, bytes_max=100, proxied=False) == b"x" * 100


@pytest.mark.parametrize("path", ["/none", "/strange"])
def test_what_is_no_document_is_an_error(path: str) -> None:
    with serving() as url, pytest.raises(FAILED):
        download(url + path, total_s=10, bytes_max=100, proxied=False)


def test_a_document_of_more_bytes_is_none() -> None:
    with serving() as url, pytest.raises(ValueError, match="more than 99 bytes"):
        download(url + "/document", total_s=10, bytes_max=99, proxied=False)


def test_one_that_comes_drop_by_drop_is_cut_off() -> None:
    began = time.monotonic()
    with serving() as url, pytest.raises(TimeoutError, match=r"no whole answer within 0\.3 s"):
        download(url + "/drip", total_s=0.3, bytes_max=10**6, proxied=False)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nonsense", "http://[::1/"])
def test_nobody_and_nowhere_are_errors(url: str) -> None:
    with pytest.raises(FAILED):
        download(url, total_s=5, bytes_max=100, proxied=False)
