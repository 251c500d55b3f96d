"""A request's JSON body as a struct, the same way for every endpoint that takes one.

Handlers name the struct and get one; what doesn't fit is an error that names the field. The content type doesn't
matter here: ``curl -d`` says it sends a form where it sends JSON.
"""

from typing import TypeVar

import msgspec

from gateway.rest.endpoint import Call
from gateway.rest.errors import bad_request

__all__ = ["json_body"]

Body = TypeVar("Body", bound=msgspec.Struct)


async def json_body(call: Call, kind: type[Body]) -> Body:
    """Raises ApiError where the body is too big, no JSON, or not of ``kind``."""
    try:
        return msgspec.json.decode(await call.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem, _, place = str(error).partition(" - at `$")
        raise bad_request(problem, field=place.strip("`.") or "body") from None
