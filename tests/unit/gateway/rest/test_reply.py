"""How a reply goes out: conditional, packed, without a body for HEAD, and at once where the server takes it."""

import asyncio
import gzip
from typing import Any

import pytest

from gateway.rest.reply import WHOLE, Reply, etag_of, send_reply
from gateway.rest.request_limits import Allowance

Given = dict[bytes, bytes]
LONG = b"x" * 5_000


def sent(
    reply: Reply, asked: Given | None = None, *, head: bool = False, takes: bool | None = None, taken: Any = None
) -> tuple[int, Given, bytes]:
    """Status, headers and body; ``takes``: what the server says to a whole answer, None where it has no such thing."""
    messages: list[dict[str, Any]] = []
    whole: list[tuple[int, Any, bytes]] = [] if taken is None else taken

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    def take(*parts: Any) -> bool:
        whole.extend([parts] if takes else [])
        return bool(takes)

    scope = {"extensions": {} if takes is None else {WHOLE: take}}
    allowance = Allowance(9, 8, 7, b"9;w=60")
    asyncio.run(send_reply(reply, "id", scope, receive, send, asked=asked or {}, allowance=allowance, head=head))
    if whole:
        assert messages == []
        return whole[0][0], dict(whole[0][1]), whole[0][2]
    return messages[0]["status"], dict(messages[0]["headers"]), messages[1]["body"]


@pytest.mark.parametrize("takes", [None, False, True])
def test_every_way_sends_the_same(takes: bool | None) -> None:
    status, headers, body = sent(Reply(b"{}", etag=b'W/"a"', headers=[(b"x-cache", b"HIT")]), takes=takes)
    assert (status, body) == (200, b"{}")
    assert headers == {
        b"content-type": b"application/json",
        b"x-request-id": b"id",
        b"x-cache": b"HIT",
        b"ratelimit-limit": b"9",
        b"ratelimit-remaining": b"8",
        b"ratelimit-reset": b"7",
        b"ratelimit-policy": b"9;w=60",
        b"etag": b'W/"a"',
        b"cache-control": b"private, no-cache",
        b"content-length": b"2",
    }


@pytest.mark.parametrize("body", [b"{}", LONG])
def test_what_the_client_holds_is_not_sent_again(body: bytes) -> None:
    reply = Reply(body, etag=etag_of(body))
    status, headers, said = sent(reply, {b"if-none-match": b'"other", ' + etag_of(body).removeprefix(b"W/")})
    assert (status, said) == (304, b"")
    assert b"content-length" not in headers
    assert sent(reply, {b"if-none-match": b'"other"'})[0] == 200


def test_long_bodies_are_packed_for_those_who_take_it() -> None:
    status, headers, body = sent(Reply(LONG), {b"accept-encoding": b"gzip, br"})
    assert (status, gzip.decompress(body), headers[b"content-encoding"]) == (200, LONG, b"gzip")
    assert int(headers[b"content-length"]) == len(body)
    assert sent(Reply(LONG, packed=b"ready"), {b"accept-encoding": b"gzip"})[2] == b"ready"
    plain = sent(Reply(LONG))
    assert (plain[2], plain[1][b"vary"]) == (LONG, b"accept-encoding")
    assert b"content-encoding" not in plain[1]


def test_head_tells_the_length_and_sends_no_body() -> None:
    _, headers, body = sent(Reply(LONG), head=True, takes=True)
    assert (headers[b"content-length"], body) == (b"5000", b"")


def test_a_page_of_another_origin_is_answered_where_cors_adds_its_headers() -> None:
    taken: list[Any] = []
    status, _, body = sent(Reply(b"{}"), {b"origin": b"https://x.example"}, takes=True, taken=taken)
    assert (status, body, taken) == (200, b"{}", [])


def test_nothing_to_say_has_no_length() -> None:
    status, headers, body = sent(Reply(b"", status=204))
    assert (status, body) == (204, b"")
    assert b"content-length" not in headers
