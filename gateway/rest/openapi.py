"""The OpenAPI 3.1 document, made from the operations and structs that serve, so that it cannot say otherwise.

app.py hands in the operations; ``/openapi.json`` serves the result, docs_page.py shows it, schemathesis tests by it.
Every answer struct, query parameter, header and error of an operation stands in the document, answers with an example.
OpenAPI 3.1 has no words for Server-Sent Events, so ``x-sse-events`` says what ``data:`` holds by the event's name.
"""

from typing import Any, Final

import msgspec

from gateway.messages.events import EVENT_SHAPES
from gateway.rest.endpoint import Operation
from gateway.rest.errors import STATUS, ErrorBody
from gateway.rest.openapi_headers import HEADERS, headers_of
from kernels.symbols import SYMBOL_PATTERN

__all__ = ["make_document"]

REFERENCE: Final = "#/components/schemas/{name}"
PATH_PARAMETERS: Final = {
    "symbol": {
        "schema": {"type": "string", "pattern": SYMBOL_PATTERN},
        "description": "The symbol; a slash is written as %2F",
        "example": "BTC/USDT",
    },
    "id": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
        "description": "The id that it was made with",
    },
    "alert": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
        "description": "The alert's id; a slash is written as %2F",
        "example": "exposure:total:warning:0-812",
    },
}
ERROR_TEXT: Final = {
    400: "The request is not valid; details say what",
    401: "The token is missing, not valid or expired",
    403: "The token does not allow this",
    404: "There is no such symbol, list, report, rule or alert",
    429: "Over a limit; Retry-After says when to come back",
    500: "The server failed",
    503: "A dependency does not answer and nothing older is at hand; Retry-After says when to try again",
}
OWN_ERRORS: Final = {
    409: "The report has no result yet, or failed; the message says which and why",
    413: "It would be too large; the message says what to change",
    422: "It is well-formed, and can't be; the message says what to change",
}
"""Of those operations that name them."""
BARE_ERRORS: Final = {
    408: "The request did not arrive in time; the server says so without a body",
    414: "The address is too long; the server says so without a body",
    431: "Address and headers together are too long; the server says so without a body",
}
TEXTS: Final = ERROR_TEXT | OWN_ERRORS
TAGS: Final = {
    "prices": "What a symbol costs now",
    "history": "Bars, trades and figures of the past, and the bar under way",
    "symbols": "What there is",
    "events": "What happens, as a stream",
    "watchlists": "Lists of symbols that a user keeps",
    "reports": "Large questions, answered later: asked for, watched, fetched",
    "analytics": "Figures of a dealing desk by windows",
    "alerts": "Alerts of a desk; rules of users about prices, and what they fired",
    "health": "For operators, without a token",
    "about": "What a client has to know before it connects",
}
ERROR_DETAILS: Final[dict[int, dict[str, Any]]] = {
    400: {"parameter": "limit"},
    429: {"limit": 100, "windowS": 60},
    503: {"dependency": "clickhouse"},
}
EVENT_STREAM: Final = "text/event-stream"
ABOUT: Final = (
    "Prices, bars, trades and events of tapeflow. Numbers are exact decimals written with all their digits: read them "
    "with a decimal parser where the last digit matters. Times are milliseconds since the epoch, UTC. Answers carry an "
    "ETag (send If-None-Match), X-Request-Id, and X-Stale: true where a source is down and the answer is older."
)


def make_document(operations: tuple[Operation, ...], version: str, port: int) -> dict[str, Any]:
    """The document as plain JSON values; ``port``: where a gateway listens unless it is told otherwise."""
    kinds = {kind for op in operations for kind in _kinds(op.answer)} | {ErrorBody, *EVENT_SHAPES.values()}
    kinds |= {op.body for op in operations if op.body} | {op.query for op in operations}
    ordered = sorted(kinds, key=str)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REFERENCE)
    schema_of = dict(zip(ordered, schemas, strict=True))
    _say_what_always_comes(components, {each.__name__ for op in operations for each in (op.query, op.body) if each})
    paths: dict[str, dict[str, Any]] = {}
    for op in operations:
        described = _describe(op, schema_of, components)
        if op.content_type == EVENT_STREAM:
            content = described["responses"]["200"]["content"][EVENT_STREAM]
            content["x-sse-events"] = {name: schema_of[shape] for name, shape in EVENT_SHAPES.items()}
        paths.setdefault(op.path.replace(":path}", "}"), {})[op.method.lower()] = described
    for query in {op.query.__name__ for op in operations}:
        components.pop(query, None)  # they are spelled out as parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tapeflow",
            "version": version,
            "description": ABOUT,
        },
        "servers": _servers(port),
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
        "security": [{"bearer": []}, {"query": []}],
    }


def _say_what_always_comes(components: dict[str, Any], asked: set[str]) -> None:
    """An answer is encoded with all its fields; a default is only for what reads it, or for a client that asks."""
    passed_on = {shape.__name__ for shape in EVENT_SHAPES.values()}
    for name, schema in components.items():
        if name not in asked | passed_on:
            schema["required"] = list(schema["properties"])
            for each in schema["properties"].values():
                each.pop("default", None)


def _servers(port: int) -> list[dict[str, Any]]:
    return [
        {"url": "/", "description": "The gateway that this document came from"},
        {
            "url": "{scheme}://{host}:{port}",
            "description": "Any gateway",
            "variables": {
                "scheme": {"default": "http", "enum": ["http", "https"]},
                "host": {"default": "127.0.0.1"},
                "port": {"default": str(port)},
            },
        },
    ]


def _kinds(answer: Any) -> tuple[Any, ...]:
    if answer in (None, str):
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def _describe(op: Operation, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": op.id,
        "tags": [op.tag],
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
                    "example": op.body_example,
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
    answer: dict[str, Any] = {"description": op.summary, "headers": headers_of(op, op.status)}
    if op.answer is not None:
        schemas = [schema_of[kind] for kind in _kinds(op.answer)] or [{"type": "string"}]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        answer["content"] = {op.content_type: {"schema": schema, "example": op.example}}
        answer["content"] |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in op.files}
    return answer


def _errors(op: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    statuses = {400, 403, 500, 503, *op.errors} if op.public else {*ERROR_TEXT, *op.errors}
    if "{" not in op.path:
        statuses.discard(404)
    errors: dict[str, Any] = {str(status): {"description": text} for status, text in BARE_ERRORS.items()}
    for status in sorted(statuses):
        content: dict[str, Any] = {"schema": schema_of[ErrorBody], "examples": _error_examples(op, status)}
        headers = headers_of(op, status)
        if op.path == "/health/ready" and status == 503:
            content = {"schema": schema_of[op.answer]}
            headers.pop("Retry-After")
        errors[str(status)] = {
            "description": TEXTS[status],
            "headers": headers,
            "content": {"application/json": content},
        }
    if op.tagged and op.method == "GET":
        errors["304"] = {"description": "What If-None-Match names is still right", "headers": headers_of(op, 304)}
    return errors


def _error_examples(op: Operation, status: int) -> dict[str, Any]:
    """By code, one error that this answer may be."""
    codes = [code for code, number in STATUS.items() if number == status]
    if status == 404:
        codes = ["SYMBOL_NOT_FOUND" if "{symbol" in op.path else "NOT_FOUND"]
    body = {"message": TEXTS[status], "details": ERROR_DETAILS.get(status, {}), "timestamp": 1767225600123}
    return {code: {"value": {"error": code, **body, "requestId": "5f3c9a1e"}} for code in codes}
