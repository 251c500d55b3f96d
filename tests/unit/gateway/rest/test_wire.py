"""An answer's bytes, as a stock client reads them; nothing gets between headers."""

import http.client
import io
from typing import Any

import pytest

from gateway.rest.wire import whole_answer


class Socket:
    """What http.client reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


@pytest.mark.parametrize(("status", "body", "closes"), [(200, b"{}\r\n\r\n{}", False), (404, b"", True)])
def test_a_stock_client_reads_it(status: int, body: bytes, closes: bool) -> None:
    headers = [(b"content-type", b"a/b"), (b"x-tab", b"a\tb"), (b"content-length", b"%d" % len(body))]
    socket: Any = Socket(whole_answer(status, headers, body, closes=closes))
    answer = http.client.HTTPResponse(socket)
    answer.begin()
    assert (answer.status, answer.reason) == (status, {200: "OK", 404: "Not Found"}[status])
    shown = [(name.decode(), value.decode()) for name, value in headers]
    assert answer.getheaders() == shown + ([("connection", "close")] if closes else [])
    assert (answer.read(), answer.will_close) == (body, closes)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0", b"\x7f"])
def test_a_value_that_would_end_its_header_is_never_sent(value: bytes) -> None:
    with pytest.raises(ValueError, match="control character"):
        whole_answer(200, [(b"a", b"b"), (b"c", value)], b"")
