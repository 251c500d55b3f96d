"""Cursors of lists, and the header that leads to their next page.

A cursor is the place of the last row given, as text that is safe in a query. Handlers make one where a page is full,
and read those that come back; what isn't one of theirs is refused.
"""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from gateway.rest.endpoint import Call
from gateway.rest.errors import bad_request
from gateway.rest.reply import Headers

__all__ = ["next_page", "place_of", "read_place"]


def next_page(call: Call, cursor: bytes) -> Headers:
    """Headers with the cursor, and the same question from it on; without the token, which a link is no place for."""
    pairs = parse_qsl(call.scope["query_string"].decode("ascii"), keep_blank_values=True)
    kept = [pair for pair in pairs if pair[0] not in ("token", "offset", "cursor")]
    path: bytes = call.scope.get("raw_path") or call.scope["path"].encode()
    asked = urlencode([*kept, ("cursor", cursor.decode())])
    link = b"<" + path.partition(b"?")[0] + b"?" + asked.encode() + b'>; rel="next"'
    return [(b"x-next-cursor", cursor), (b"link", link)]


def place_of(*parts: int | str) -> bytes:
    """A cursor of the place that ``parts`` name."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=")


def read_place(cursor: str | None, kind: Any) -> Any:
    """The parts of a cursor as a tuple of ``kind``, None without one; raises ApiError on text that is none of ours."""
    if cursor is None:
        return None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", True)
        return msgspec.json.decode(packed, type=kind)
    except (binascii.Error, ValueError):  # what msgspec raises is one
        raise bad_request("Not a cursor of ours; take it from X-Next-Cursor", parameter="cursor") from None
