"""TypeScript types from the gateway's own documents: ``make web-types`` writes them into web/client/src/generated.

``messages.ts`` comes from asyncapi.json: what is said over WebSocket and SSE. ``rest.ts`` comes from openapi.json: each
operation with what it asks and answers. A test holds that the files are what this makes now. A number of format
``decimal`` is of the type parameter ``N``: a number as JSON.parse gives it, or what a client that reads the exact
encodings makes of the text. Every type that has such a number inside has the parameter.
"""

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.rest.app import create_app
from runtime.settings.whole import Settings

__all__ = ["FOLDER", "generate"]

Schema = Mapping[str, Any]
FOLDER: Final = Path(__file__).parent / "client" / "src" / "generated"
HEAD: Final = "// Generated from the gateway's {document}: change the structs of gateway/, then run `make web-types`.\n"
PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
WIDTH: Final = 110


class Types:
    """The schemas of one document as TypeScript. Enums that have a title become types of that name."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas
        self.enums: dict[str, Schema] = {}
        self._exact = self._with_decimals()

    def _with_decimals(self) -> frozenset[str]:
        """Names of schemas that have a decimal in them, or in what they refer to."""
        inside = {name: list(_walk(schema)) for name, schema in self.schemas.items()}
        found = {name for name, parts in inside.items() if any(each.get("format") == "decimal" for each in parts)}
        while more := {
            name
            for name, parts in inside.items()
            if name not in found and any(_target(each) in found for each in parts)
        }:
            found |= more
        return frozenset(found)

    def has_decimals(self, schema: Schema) -> bool:
        return any(each.get("format") == "decimal" or _target(each) in self._exact for each in _walk(schema))

    def of(self, schema: Schema) -> str:
        """The type of a schema, in one line."""
        target = _target(schema)
        if target:
            return f"{target}<N>" if target in self._exact else target
        if "enum" in schema:
            if "title" in schema:
                assert self.enums.setdefault(schema["title"], schema)["enum"] == schema["enum"], schema["title"]
                return str(schema["title"])
            return " | ".join(json.dumps(each) for each in schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return " | ".join(dict.fromkeys(self.of(each) for each in schema[word]))
        kind = schema.get("type")
        if kind == "array":
            inner = self.of(schema["items"])
            return f"({inner})[]" if " " in inner else f"{inner}[]"
        if kind == "object":
            return f"Record<string, {self.of(schema.get('additionalProperties') or {})}>"
        if kind == "number" and schema.get("format") == "decimal":
            return "N"
        return PLAIN[kind] if kind else "unknown"

    def declare(self, name: str) -> str:
        """The exported declaration of a named schema."""
        schema = self.schemas[name]
        generic = "<N = number>" if name in self._exact else ""
        head = _comment(schema.get("description", ""))
        if "properties" not in schema:
            members = self.of(schema).split(" | ")
            body = " | ".join(members) if len(members) < 2 else "".join(f"\n  | {each}" for each in members)
            return f"{head}export type {name}{generic} ={' ' if len(members) < 2 else ''}{body};\n"
        if not schema["properties"]:
            return f"{head}export type {name} = Record<string, never>;\n"
        return f"{head}export interface {name}{generic} {self.fields(schema)}\n"

    def fields(self, schema: Schema) -> str:
        required = schema.get("required", ())
        lines = [
            f"{_comment(_description(each), '  ')}  {_key(name)}{'' if name in required else '?'}: {self.of(each)};\n"
            for name, each in schema["properties"].items()
        ]
        return "{\n" + "".join(lines) + "}"

    def declare_enums(self) -> str:
        """A list and a type of each enum met so far."""
        return "\n".join(
            f"{_constant(_list_name(title), schema['enum'])}"
            f"{_comment(schema.get('description', ''))}export type {title} = (typeof {_list_name(title)})[number];\n"
            for title, schema in sorted(self.enums.items())
        )


def generate() -> dict[str, str]:
    """File name → content, for FOLDER."""
    documents = create_app(Settings()).state.documents
    return {"messages.ts": _messages(documents.asyncapi), "rest.ts": _rest(documents.openapi, documents.asyncapi)}


def _messages(document: dict[str, Any]) -> str:
    types = Types(document["components"]["schemas"])
    declared = "\n".join(types.declare(name) for name in types.schemas)
    channels: dict[str, Any] = document["channels"]
    events = channels["events"]["messages"]
    payloads = {name: document["components"]["messages"][name]["payload"] for name in events}
    by_name = types.fields({"properties": payloads, "required": list(payloads)})
    socket = next(each for each in channels.values() if "bindings" in each)
    protocols = socket["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]["enum"]
    codes = socket["x-close-codes"]
    advice = [_comment(f"{_sentence(each['why'])} {_sentence(each['advice'])}", "  ") for each in codes]
    closes = "".join(f"{said}  {each['name']}: {each['code']},\n" for said, each in zip(advice, codes, strict=True))
    return "\n".join(
        (
            HEAD.format(document="asyncapi.json"),
            _comment("Where each channel is.")
            + _constant("PATHS", {name: channel["address"] for name, channel in channels.items()}),
            _comment("Encodings that a client may ask for; -exact writes decimals as text.")
            + _constant("SUBPROTOCOLS", protocols),
            _comment("Why a connection was closed, and what to do about it.")
            + f"export const CLOSE_CODES = {{\n{closes}}} as const;\n"
            + "export type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES];\n",
            types.declare_enums(),
            declared,
            _comment("What `data` of an event holds, by the event's name.")
            + f"export interface EventsByName<N = number> {by_name}\n",
        )
    )


def _rest(document: dict[str, Any], messages: dict[str, Any]) -> str:
    types = Types(document["components"]["schemas"])
    operations = [(path, method, op) for path, methods in document["paths"].items() for method, op in methods.items()]
    queries, described, table = [], [], {}
    for path, method, op in operations:
        table[op["operationId"]] = {"method": method.upper(), "path": path}
        query, declaration = _query(types, op)
        queries.append(declaration)
        described.append(_operation(types, op, query))
    errors = {"$ref": "#/components/schemas/ErrorBody"}
    used = _reachable(types.schemas, (errors, *(each for *_, op in operations for each in _spoken(op))))
    declared = [types.declare(name) for name in types.schemas if name in used]
    assert not used & set(messages["components"]["schemas"]), "a name of messages.ts is taken"
    return "\n".join(
        (
            HEAD.format(document="openapi.json"),
            types.declare_enums(),
            *declared,
            *filter(None, queries),
            _comment("What each operation asks and answers, by its operationId.")
            + f"export interface RestOperations<N = number> {{\n{''.join(described)}}}\n",
            _comment("Where each operation is.") + _constant("REST_OPERATIONS", table),
        )
    )


def _query(types: Types, op: Schema) -> tuple[str, str]:
    """The type of an operation's query, and its declaration where it has one."""
    asked = [each for each in op["parameters"] if each["in"] == "query"]
    if not asked:
        return "Record<string, never>", ""
    name = op["operationId"][0].upper() + op["operationId"][1:] + "Query"
    properties = {each["name"]: {**each["schema"], "description": each["description"]} for each in asked}
    required = [each["name"] for each in asked if each["required"]]
    return name, f"export interface {name} {types.fields({'properties': properties, 'required': required})}\n"


def _operation(types: Types, op: Schema, query: str) -> str:
    places = {each["name"]: each["schema"] for each in op["parameters"] if each["in"] == "path"}
    inside = "; ".join(f"{name}: {types.of(schema)}" for name, schema in places.items())
    body = types.of(op["requestBody"]["content"]["application/json"]["schema"]) if "requestBody" in op else "undefined"
    answers = [content["schema"] for content in _good(op).get("content", {}).values()]
    answer = types.of(answers[0]) if answers else "undefined"
    head = _comment(" ".join(filter(None, (_sentence(op["summary"]), op.get("description", "")))), "  ")
    path = f"{{ {inside} }}" if places else "Record<string, never>"
    return f"{head}  {op['operationId']}: {{ path: {path}; query: {query}; body: {body}; answer: {answer} }};\n"


def _good(op: Schema) -> Schema:
    found: Schema = next(answer for status, answer in op["responses"].items() if status.startswith("2"))
    return found


def _spoken(op: Schema) -> Iterator[Schema]:
    """The schemas of what an operation takes and gives."""
    for described in (op.get("requestBody", {}), _good(op)):
        for content in described.get("content", {}).values():
            yield content["schema"]


def _reachable(schemas: Mapping[str, Schema], starts: Iterable[Schema]) -> set[str]:
    found: set[str] = set()
    open_ends = list(starts)
    while open_ends:
        for part in _walk(open_ends.pop()):
            name = _target(part)
            if name and name not in found:
                found.add(name)
                open_ends.append(schemas[name])
    return found


def _walk(schema: Any) -> Iterator[Schema]:
    """A schema and all that are written inside it."""
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from _walk(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _walk(each)


def _target(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _description(schema: Schema) -> str:
    return "" if "title" in schema and "enum" in schema else str(schema.get("description", ""))


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _comment(text: str, indent: str = "") -> str:
    text = " ".join(text.replace("``", "`").replace("*/", "*\\/").split())
    if not text:
        return ""
    if len(text) + len(indent) + 7 <= WIDTH + 4:
        return f"{indent}/** {text} */\n"
    lines = textwrap.wrap(text, WIDTH - len(indent) - 3, break_long_words=False, break_on_hyphens=False)
    return f"{indent}/**\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def _constant(name: str, value: Any) -> str:
    if isinstance(value, list):
        return f"export const {name} = {json.dumps(value)} as const;\n"
    lines = "".join(f"  {_key(key)}: {_literal(each)},\n" for key, each in value.items())
    return f"export const {name} = {{\n{lines}}} as const;\n"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)}: {json.dumps(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def _key(name: str) -> str:
    return name if NAME.fullmatch(name) else json.dumps(name)


def _list_name(title: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", title).upper() + "S"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in generate().items():
        (FOLDER / name).write_text(content, "utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
