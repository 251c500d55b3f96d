"""The part of ``/docs`` that shows the AsyncAPI document: WebSocket channels and the event stream, as HTML.

docs_page.py puts it beside REST, in the same look. Each channel has its messages of both sides with their fields and an
example; limits and close codes, which are the same for all sockets, come once.
"""

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

__all__ = ["channels_section"]

SIDES: Final = {"receive": "A client says", "send": "The gateway sends"}
Schema = dict[str, Any]


def channels_section(document: dict[str, Any]) -> str:
    """Headings and one fold for each channel; ``document`` is that of asyncapi.py."""
    channels = document["channels"]
    sockets = {name: channel for name, channel in channels.items() if "bindings" in channel}
    streams = {name: channel for name, channel in channels.items() if name not in sockets}
    any_socket = next(iter(sockets.values()))
    parameters = [
        (name, place, schema)
        for place, binding in (("query", "query"), ("header", "headers"))
        for name, schema in any_socket["bindings"]["ws"][binding]["properties"].items()
    ]
    asked = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{place}<td><code>{escape(_kind(schema))}</code>"
        f"<td>{_text(schema.get('description', ''))}"
        for name, place, schema in parameters
    )
    limits = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{limit['value']}<td>{_text(limit['meaning'])}"
        for name, limit in any_socket["x-limits"].items()
    )
    codes = "".join(
        f"<tr><td>{each['code']}<td><code>{each['name']}</code><td>{_text(each['why'])}<td>{_text(each['advice'])}"
        for each in any_socket["x-close-codes"]
    )
    shared = (
        ("connecting", "Connecting", "token and encoding", _table("name<th>in<th>values<th>meaning", asked)),
        ("close-codes", "Close codes", "and what to do", _table("code<th>name<th>why<th>what to do", codes)),
        ("limits", "Limits", "as this gateway is set up", _table("name<th>value<th>meaning", limits)),
    )
    return (
        f"<h2 id=websocket>WebSocket</h2><p>{_text(document['info']['description'])} Fields with * always come.</p>"
        + "".join(_channel(document, name, channel, "ws") for name, channel in sockets.items())
        + "".join(_fold(anchor, "ws", head, note, inside) for anchor, head, note, inside in shared)
        + "<h2 id=events>Events</h2>"
        + "".join(_channel(document, name, channel, "sse") for name, channel in streams.items())
    )


def _channel(document: dict[str, Any], name: str, channel: dict[str, Any], badge: str) -> str:
    aliases = "".join(f", also <code>{escape(each)}</code>" for each in channel.get("x-aliases", ()))
    sides = "".join(
        f"<h3>{title}</h3>" + "".join(_message(document, message) for message in _messages(document, name, action))
        for action, title in SIDES.items()
        if f"{action}{name.capitalize()}" in document["operations"]
    )
    also = (
        "<p>Also: <a href=#connecting>connecting</a>, <a href=#close-codes>close codes</a>, <a href=#limits>limits</a>."
        if badge == "ws"
        else ""
    )
    inside = f"<p>{_text(channel['description'])}</p>{also}{sides}"
    address = f"<code>{escape(channel['address'])}</code>{aliases}"
    return _fold(f"channel-{name}", badge, address, escape(channel["summary"]), inside)


def _fold(anchor: str, badge: str, head: str, note: str, inside: str) -> str:
    summary = f"<summary><b class={badge}>{badge}</b>{head}<span>{note}</span></summary>"
    return f"<details id={anchor}>{summary}{inside}</details>"


def _table(heads: str, rows: str) -> str:
    return f"<table><tr><th>{heads}{rows}</table>"


def _messages(document: dict[str, Any], channel: str, action: str) -> Iterator[dict[str, Any]]:
    """Name, summary, schema and examples of each message; those that come in arrays are taken out of them."""
    for reference in document["operations"][f"{action}{channel.capitalize()}"]["messages"]:
        message = document["components"]["messages"][_name(reference)]
        schema = _resolve(document, message["payload"])
        if schema.get("type") != "array":
            yield {**message, "schema": schema}
            continue
        for member, example in zip(_resolve(document, schema["items"])["oneOf"], message["examples"], strict=True):
            inner = _resolve(document, member)
            about = {"name": example["name"], "summary": inner["description"]}
            yield {**about, "schema": inner, "examples": [example]}


def _message(document: dict[str, Any], message: dict[str, Any]) -> str:
    schema = message["schema"]
    parts = [_fields(schema)] + [
        f"<h5><code>{escape(name)}</code> <small>{_text(inner.get('description', ''))}</small></h5>{_fields(inner)}"
        for name, inner in _inside(document, schema)
    ]
    lines = (json.dumps(each["payload"], ensure_ascii=False) for each in message["examples"])
    examples = "".join(f"<pre class=line>{escape(line)}</pre>" for line in lines)
    return f"<h4>{escape(message['name'])} <small>{_text(message['summary'])}</small></h4>{''.join(parts)}{examples}"


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if name in required else ''}"
        f"<td><code>{escape(_kind(field))}</code><td>{_text(field.get('description', ''))}"
        for name, field in schema["properties"].items()
    )
    return _table("field<th>values<th>meaning", rows) if rows else ""


def _inside(document: dict[str, Any], schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The named shapes that a shape's fields have, and those inside them."""
    for field in schema["properties"].values():
        for part in (field, field.get("items", {})):
            if "$ref" in part:
                inner = _resolve(document, part)
                yield _name(part), inner
                yield from _inside(document, inner)


def _kind(schema: Schema) -> str:
    """The values that a schema allows, in few words."""
    if "$ref" in schema:
        return _name(schema)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_kind, schema["anyOf"])))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {schema['items'].get('title') or _kind(schema['items'])}"
    if kind == "object" and schema.get("additionalProperties"):
        return f"object of {_kind(schema['additionalProperties'])}"
    bounds = f" {schema.get('minimum', '')}..{schema['maximum']}" if schema.get("maximum", 1e9) < 1e9 else ""
    return {"decimal": "decimal", "date-time": "ISO 8601"}.get(schema.get("format", ""), kind) + bounds


def _text(words: str) -> str:
    """Words as HTML, what stands in backticks as code."""
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _resolve(document: dict[str, Any], schema: Schema) -> Schema:
    found: Schema = document["components"]["schemas"][_name(schema)] if "$ref" in schema else schema
    return found


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
