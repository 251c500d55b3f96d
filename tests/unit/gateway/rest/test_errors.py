"""Errors have one shape and a code of a closed list; when to come back is never now."""

import json

import pytest

from gateway.rest import errors
from gateway.rest.errors import STATUS, ApiError, encode_error


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.bad_request("no", parameter="limit"), 400, {}),
        (errors.unauthorized("no"), 401, {"www-authenticate": "Bearer"}),
        (errors.forbidden("no"), 403, {}),
        (errors.not_found("no"), 404, {}),
        (errors.symbol_not_found("A"), 404, {}),
        (errors.rate_limited("no", 0), 429, {"retry-after": "1"}),
        (errors.internal_error(), 500, {}),
        (errors.unavailable("no", 7), 503, {"retry-after": "7"}),
    ],
)
def test_each_has_its_status_and_headers(error: ApiError, status: int, headers: dict[str, str]) -> None:
    assert (error.status, error.headers) == (status, headers)
    assert STATUS[error.code] == status


def test_the_body_is_the_same_for_all() -> None:
    body = json.loads(encode_error(errors.bad_request("a limit is above 0", parameter="limit"), "r1"))
    assert body.pop("timestamp") > 1_700_000_000_000
    assert body == {
        "error": "BAD_REQUEST",
        "message": "a limit is above 0",
        "details": {"parameter": "limit"},
        "requestId": "r1",
    }
    assert json.loads(encode_error(errors.internal_error(), "r2"))["details"] == {}


def test_a_code_that_is_not_listed_is_none() -> None:
    with pytest.raises(KeyError):
        ApiError("OTHER", "")
