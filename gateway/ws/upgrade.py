"""The request that opens a WebSocket, and how it is answered: RFC 6455 §4.2 over RFC 9112.

The entrance hands over whole heads, ``connection`` asks here what they say. A request that is not right is a Refused
with a status, never an exception, and nothing of it gets into an answer. Headers that come on several lines are one
list, as RFC 9110 §5.3 says, so one that may come only once is wrong then.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1
from http import HTTPStatus
from typing import Final, NamedTuple

__all__ = ["Refused", "Request", "accepted", "answer", "key_of", "read_request"]

MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEADERS_MAX: Final = 128
KEY_BYTES: Final = 16
VERSION: Final = "13"
LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")


class Request(NamedTuple):
    """``headers`` by name in small letters; ``target`` with its query."""

    target: str
    headers: Mapping[str, str]


class Refused(NamedTuple):
    status: int
    why: str


def read_request(head: bytes) -> Request | Refused:
    """``head`` without the empty line that ends it."""
    first, *lines = head.split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or parts[0] != b"GET" or not parts[1] or parts[2] != b"HTTP/1.1":
        return Refused(400, "the request must be: GET target HTTP/1.1")
    if len(lines) > HEADERS_MAX:
        return Refused(431, f"more than {HEADERS_MAX} headers")
    headers: dict[str, str] = {}
    for line in lines:
        found = LINE.fullmatch(line)
        if found is None:
            return Refused(400, "a header is malformed")
        name, value = found[1].decode("ascii").lower(), found[2].rstrip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
        return Refused(400, "the request must have no body")
    return Request(parts[1].decode("latin-1"), headers)


def key_of(headers: Mapping[str, str]) -> bytes | Refused:
    """The client's key, if it asks for a WebSocket as RFC 6455 §4.2.1 wants it."""
    if headers.get("upgrade", "").lower() != "websocket":
        return Refused(400, "Upgrade must be websocket")
    if "upgrade" not in (each.strip().lower() for each in headers.get("connection", "").split(",")):
        return Refused(400, "Connection must name upgrade")
    if headers.get("sec-websocket-version") != VERSION:
        return Refused(426, f"Sec-WebSocket-Version must be {VERSION}")
    key = headers.get("sec-websocket-key", "").encode("latin-1")
    try:
        good = len(b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        good = False
    return key if good else Refused(400, "Sec-WebSocket-Key must be 16 bytes in base64")


def accepted(key: bytes, protocol: str, deflate: str) -> bytes:
    """The answer that opens the WebSocket; ``protocol`` and ``deflate`` as negotiated, empty for none."""
    digest = b64encode(sha1(key + MAGIC, usedforsecurity=False).digest())
    return b"%b%b\r\n\r\n" % (_welcome(protocol, deflate), digest)


@lru_cache(64)
def _welcome(protocol: str, deflate: str) -> bytes:
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: upgrade", "Upgrade: websocket"]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    if deflate:
        lines.append(f"Sec-WebSocket-Extensions: {deflate}")
    return "\r\n".join((*lines, "Sec-WebSocket-Accept: ")).encode()


def answer(status: int, body: bytes = b"", content_type: str = "text/plain; charset=utf-8") -> bytes:
    """Any other answer, whole; the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close", f"Content-Length: {len(body)}"]
    if body:
        lines += [f"Content-Type: {content_type}", "Cache-Control: no-store"]
    if status == HTTPStatus.UPGRADE_REQUIRED:
        lines += ["Upgrade: websocket", f"Sec-WebSocket-Version: {VERSION}"]
    return "\r\n".join((*lines, "", "")).encode() + body
