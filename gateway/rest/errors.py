"""Errors of REST and SSE: one shape, a closed list of codes, a request id in each.

Handlers raise ApiError; the edge (endpoint.py) turns it into the body and headers that every client sees:
``{"error","message","details","timestamp","requestId"}``. Nothing of an unexpected exception reaches a client, only
INTERNAL_ERROR and the request id that finds it in the log. These are answers, not failures of the process, so they are
no part of the tree in schemas.errors.
"""

import time
from typing import Annotated, Any, Final

import msgspec

__all__ = [
    "ApiError",
    "ErrorBody",
    "bad_request",
    "encode_error",
    "forbidden",
    "internal_error",
    "not_found",
    "rate_limited",
    "symbol_not_found",
    "unauthorized",
    "unavailable",
]

STATUS: Final = {
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "SYMBOL_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_READY": 409,
    "TOO_LARGE": 413,
    "UNPROCESSABLE": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}


class ErrorBody(msgspec.Struct, rename="camel"):
    """What every answer of status 400 and above holds."""

    error: Annotated[str, msgspec.Meta(title="RestErrorCode", extra_json_schema={"enum": sorted(STATUS)})]
    message: str
    details: dict[str, Any]
    timestamp: Annotated[int, msgspec.Meta(description="Milliseconds since the epoch")]
    request_id: str


class ApiError(Exception):
    """An answer that is an error; ``headers`` are sent with it."""

    def __init__(
        self, code: str, message: str, details: dict[str, object] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[code]
        self.message = message
        self.details = details or {}
        self.headers = headers or {}


def encode_error(error: ApiError, request_id: str) -> bytes:
    """The JSON body of an error."""
    timestamp_ms = time.time_ns() // 1_000_000
    return msgspec.json.encode(ErrorBody(error.code, error.message, error.details, timestamp_ms, request_id))


def bad_request(message: str, **details: object) -> ApiError:
    return ApiError("BAD_REQUEST", message, details)


def unauthorized(message: str) -> ApiError:
    return ApiError("UNAUTHORIZED", message, {}, {"www-authenticate": "Bearer"})


def forbidden(message: str, **details: object) -> ApiError:
    return ApiError("FORBIDDEN", message, details)


def not_found(message: str, **details: object) -> ApiError:
    return ApiError("NOT_FOUND", message, details)


def symbol_not_found(symbol: str) -> ApiError:
    return ApiError("SYMBOL_NOT_FOUND", f"No trade of {symbol} was ever seen", {"symbol": symbol})


def rate_limited(message: str, retry_after_s: int, **details: object) -> ApiError:
    return ApiError("RATE_LIMITED", message, details, {"retry-after": str(max(1, retry_after_s))})


def unavailable(message: str, retry_after_s: int = 5, **details: object) -> ApiError:
    return ApiError("SERVICE_UNAVAILABLE", message, details, {"retry-after": str(max(1, retry_after_s))})


def internal_error() -> ApiError:
    return ApiError("INTERNAL_ERROR", "The server failed; the log knows this requestId")
