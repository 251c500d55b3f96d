"""Which headers an answer has, by its status and by what its operation says."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.rest.endpoint import Call, Operation
from gateway.rest.openapi_headers import HEADERS, LIMIT_HEADERS, headers_of


async def nothing(call: Call) -> None:
    return None


PLAIN = Operation("GET", "/x", nothing, "getX", "x", "X")


@pytest.mark.parametrize(
    ("changes", "status", "names"),
    [
        ({"limited": False}, 200, {"X-Request-Id"}),
        ({}, 200, {"X-Request-Id", *LIMIT_HEADERS}),
        (
            {"limited": False, "tagged": True, "headers": ("Link",)},
            200,
            {"X-Request-Id", "ETag", "Cache-Control", "Link"},
        ),
        ({"limited": False, "tagged": True}, 304, {"X-Request-Id", "ETag", "Cache-Control"}),
        ({}, 404, {"X-Request-Id"}),
        ({}, 401, {"X-Request-Id", "WWW-Authenticate"}),
        ({}, 429, {"X-Request-Id", "Retry-After", *LIMIT_HEADERS}),
        ({"limited": False}, 503, {"X-Request-Id", "Retry-After"}),
    ],
)
def test_headers_of_an_answer(changes: dict[str, Any], status: int, names: set[str]) -> None:
    found = headers_of(replace(PLAIN, **changes), status)
    assert set(found) == names
    assert names <= set(HEADERS)
    assert found["X-Request-Id"] == {"$ref": "#/components/headers/X-Request-Id"}
