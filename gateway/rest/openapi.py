"""The OpenAPI 3.1 document, made from the operations and structs that serve, so that it cannot say otherwise.

app.py hands in the operations; ``/openapi.json`` serves the result, docs_page.py shows it, schemathesis tests by it.
Law: every answer struct, query parameter and error of an operation stands in the document with an example.
"""

from typing import Any, Final

import msgspec

from gateway.rest.endpoint import Operation
from gateway.rest.errors import STATUS, ErrorBody
from kernels.symbols import SYMBOL_PATTERN

__all__ = ["make_document"]

REFERENCE: Final = "#/components/schemas/{name}"
PATH_PARAMETERS: Final = {
    "symbol": {
        "schema": {"type": "string", "pattern": SYMBOL_PATTERN},
        "description": "The symbol; a slash is written as %2F",
        "example": "BTC/USDT",
    },
    "id": {"schema": {"type": "string", "minLength": 1, "maxLength": 64}, "description": "The watchlist's id"},
}
ERROR_TEXT: Final = {
    400: "The request is not valid; details say what",
    401: "The token is missing, not valid or expired",
    403: "The token does not allow this",
    404: "There is no such symbol or list",
    429: "Over a limit; Retry-After says when to come back",
    500: "The server failed",
    503: "A dependency does not answer and nothing older is at hand; Retry-After says when to try again",
}
LIMIT_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
ABOUT: Final = (
    "Prices, bars, trades and events of tapeflow. Numbers are exact decimals written with all their digits: read them "
    "with a decimal parser where the last digit matters. Times are milliseconds since the epoch, UTC. Answers carry an "
    "ETag (send If-None-Match), X-Request-Id, and X-Stale: true where a source is down and the answer is older."
)


def make_document(operations: tuple[Operation, ...], version: str) -> dict[str, Any]:
    """The document as plain JSON values."""
    kinds = {op.answer for op in operations if op.answer not in (None, str)} | {ErrorBody}
    kinds |= {op.body for op in operations if op.body} | {op.query for op in operations}
    ordered = sorted(kinds, key=str)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REFERENCE)
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for op in operations:
        described = _describe(op, schema_of, components)
        paths.setdefault(op.path.replace(":path}", "}"), {})[op.method.lower()] = described
    for query in {op.query.__name__ for op in operations}:
        components.pop(query, None)  # they are spelled out as parameters
    return {
        "openapi": "3.1.0",
        "info": {"title": "tapeflow", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
        "security": [{"bearer": []}, {"query": []}],
    }


def _describe(op: Operation, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": op.handler.__qualname__.replace(".", "_").lower(),
        "summary": op.summary,
        "parameters": _parameters(op, components),
        "responses": {str(op.status): _answer(op, schema_of), **_errors(op, schema_of)},
    }
    if op.description:
        described["description"] = op.description
    if op.public:
        described["security"] = []
    if op.body:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schema_of[op.body],
                    "example": {"name": "Majors", "symbols": ["BTC/USDT", "ETH/USDT"]},
                }
            },
        }
    return described


def _parameters(op: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, **described}
        for name, described in PATH_PARAMETERS.items()
        if "{" + name in op.path
    ]
    struct = components[op.query.__name__]
    for name, schema in struct.get("properties", {}).items():
        plain = {key: value for key, value in schema.items() if key != "description"}
        description = schema.get("description", "")
        if "anyOf" in plain:  # a parameter is left out, never null
            chosen = next(each for each in plain["anyOf"] if each.get("type") != "null")
            description = chosen.get("description", description)
            plain = {key: value for key, value in chosen.items() if key != "description"}
        required = name in struct.get("required", [])
        found.append({"name": name, "in": "query", "required": required, "schema": plain, "description": description})
    return found


def _answer(op: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    if op.answer is None:
        return {"description": op.summary}
    schema = {"type": "string"} if op.answer is str else schema_of[op.answer]
    headers = {name: {"schema": {"type": "integer"}} for name in LIMIT_HEADERS} if op.limited else {}
    content = {op.content_type: {"schema": schema, "example": op.example}}
    return {"description": op.summary, "headers": headers, "content": content}


def _errors(op: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    statuses = {400, 403, 500, 503} if op.public else set(ERROR_TEXT)
    if "{" not in op.path:
        statuses.discard(404)
    errors: dict[str, Any] = {"414": {"description": "The address is too long; the server says so without a body"}}
    for status in sorted(statuses):
        code = next(code for code, number in STATUS.items() if number == status)
        example = {"error": code, "message": ERROR_TEXT[status], "details": {}, "timestamp": 1767225600123}
        content: dict[str, Any] = {"schema": schema_of[ErrorBody], "example": {**example, "requestId": "5f3c9a1e"}}
        if op.path == "/health/ready" and status == 503:
            content = {"schema": schema_of[op.answer]}
        errors[str(status)] = {"description": ERROR_TEXT[status], "content": {"application/json": content}}
    if not op.public and op.method == "GET" and op.content_type == "application/json":
        errors["304"] = {"description": "What If-None-Match names is still right"}
    return errors
