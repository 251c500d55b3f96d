"""A body is the struct that was asked for, or an error that names the field."""

import asyncio
from typing import Annotated, Any

import msgspec
import pytest

from gateway.access.principal import Principal
from gateway.rest.body import json_body
from gateway.rest.endpoint import Call
from gateway.rest.errors import ApiError


class Wanted(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    symbols: list[str]


def read(*parts: bytes) -> Wanted:
    messages = iter(
        {"type": "http.request", "body": part, "more_body": number < len(parts)} for number, part in enumerate(parts, 1)
    )

    async def receive() -> Any:
        return next(messages)

    call = Call({}, receive, None, "r1", {}, Principal("u"), None, {})  # type: ignore[arg-type]
    return asyncio.run(json_body(call, Wanted))


def test_a_body_in_pieces() -> None:
    assert read(b'{"name":"a",', b'"symbols":["A"]}') == Wanted("a", ["A"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"name":"a"}', "body"),
        (b'{"name":"","symbols":[]}', "name"),
        (b'{"name":"a","symbols":["A",1]}', "symbols[1]"),
        (b'{"name":"\xff","symbols":[]}', "body"),
    ],
)
def test_what_does_not_fit_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(ApiError) as refused:
        read(body)
    assert (refused.value.status, refused.value.details["field"]) == (400, field)


def test_a_body_that_is_too_big_is_none() -> None:
    with pytest.raises(ApiError, match="too big"):
        read(b"x" * 2_000_000)
