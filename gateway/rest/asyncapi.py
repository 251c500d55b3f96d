"""The AsyncAPI 3.0 document: each WebSocket channel and the event stream, made from the structs that are sent.

app.py hands in the settings, ``/asyncapi.json`` serves the result, docs_page.py shows it beside REST, and the types of
the TypeScript client are generated from it (web/generate_types.py). Operations are seen from the gateway: it receives
what clients say and sends what they are told. AsyncAPI has no words for close codes and limits, so each channel has
them under ``x-close-codes`` and ``x-limits``.
"""

from typing import Any, Final

import msgspec

from gateway.messages.analytics import ANALYTICS
from gateway.messages.candles import CANDLES
from gateway.messages.channel import Channel, Message
from gateway.messages.events import EVENTS
from gateway.messages.prices import PRICES
from gateway.messages.quotes import QUOTES
from gateway.messages.values import ENCODINGS
from runtime.settings.gateway import GATEWAY_PROFILES, GatewaySettings
from schemas.contract import CLOSE_MEANINGS, INBOUND_BYTES_MAX, PING_MS, PONG_MS

__all__ = ["WS_CHANNELS", "make_asyncapi"]

WS_CHANNELS: Final = (PRICES, CANDLES, QUOTES, ANALYTICS)
SCHEMA: Final = "#/components/schemas/{name}"
ABOUT: Final = (
    "What tapeflow's gateway sends and takes over WebSocket and Server-Sent Events; openapi.json has REST. Numbers of "
    "format decimal are exact: read them with a decimal parser where the last digit matters, or choose the subprotocol "
    "json-exact or msgpack-exact, which write exactly these as text. Operations are named from the gateway's side: "
    "receive is what a client says, send is what it is told. New fields and messages may come: pass over those that "
    "you don't know."
)
FROM_QUERY: Final = "Where a header can't be set, as in browsers; else send Authorization: Bearer"
PROTOCOL: Final = (
    "Subprotocol: the same messages as JSON text or as MessagePack in binary frames, decimals as numbers or, with "
    "-exact, as text. json if none is asked for"
)
LAST_ID: Final = "Resume after this id"


def make_asyncapi(version: str, settings: GatewaySettings) -> dict[str, Any]:
    """The document as plain JSON values; limits are those of ``settings``."""
    channels = (*WS_CHANNELS, EVENTS)
    limits = _limits(settings)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tapeflow",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(settings.gateway_port),
        "channels": {each.name: _channel(each, limits) for each in channels},
        "operations": {name: op for each in channels for name, op in _operations(each).items()},
        "components": {
            "messages": {name: body for each in channels for name, body in _messages(each).items()},
            "schemas": _schemas(channels),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query": {"type": "httpApiKey", "in": "query", "name": "token"},
            },
        },
    }


def _servers(port: int) -> dict[str, Any]:
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("bearer", "query")]
    host = {"host": f"127.0.0.1:{port}", "security": security}
    return {
        "websocket": {**host, "protocol": "ws", "description": "WebSocket; wss where the gateway has TLS files"},
        "events": {**host, "protocol": "http", "description": "Server-Sent Events, on the same port"},
    }


def _channel(channel: Channel, limits: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "address": channel.path,
        "title": channel.name,
        "summary": channel.summary,
        "description": channel.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(channel)},
    }
    if channel is EVENTS:
        return {
            **described,
            "servers": [{"$ref": "#/servers/events"}],
            "x-query": {"token": FROM_QUERY, "lastEventId": LAST_ID},
        }
    if channel.aliases:
        described["x-aliases"] = list(channel.aliases)
    query = {"token": {"type": "string", "description": FROM_QUERY}}
    headers = {
        "Authorization": {"type": "string", "description": "Bearer and the token"},
        "Sec-WebSocket-Protocol": {"type": "string", "enum": list(ENCODINGS), "description": PROTOCOL},
    }
    described["servers"] = [{"$ref": "#/servers/websocket"}]
    described["bindings"] = {
        "ws": {
            "method": "GET",
            "query": {"type": "object", "properties": query},
            "headers": {"type": "object", "properties": headers},
            "bindingVersion": "0.1.0",
        }
    }
    described["x-limits"] = limits
    described["x-close-codes"] = [
        {"code": code, "name": each.name, "why": each.why, "advice": each.advice}
        for code, each in CLOSE_MEANINGS.items()
    ]
    return described


def _operations(channel: Channel) -> dict[str, Any]:
    """What the gateway sends, and what it receives where the channel has that."""
    batch = (_batch(channel),) if channel.batched else tuple(each.name for each in channel.server)
    sides = {"send": ("Sends to clients", batch)}
    if channel.client:
        sides["receive"] = ("Receives from clients", tuple(each.name for each in channel.client))
    return {
        f"{action}{channel.name.capitalize()}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel.name}"},
            "summary": summary,
            "messages": [{"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in names],
        }
        for action, (summary, names) in sides.items()
    }


def _messages(channel: Channel) -> dict[str, Any]:
    """By name, each message that goes over the wire as one."""
    if not channel.batched:
        return {each.name: _message(each) for each in (*channel.client, *channel.server)}
    name = _batch(channel)
    batch = {
        "name": name,
        "title": name,
        "summary": "Whatever came since the last one, in order.",
        "payload": {"$ref": SCHEMA.format(name=name)},
        "examples": [{"name": each.name, "payload": list(each.examples)} for each in channel.server],
    }
    return {**{each.name: _message(each) for each in channel.client}, name: batch}


def _message(message: Message) -> dict[str, Any]:
    return {
        "name": message.name,
        "title": message.name,
        "summary": _docstring(message.shape),
        "payload": {"$ref": SCHEMA.format(name=message.shape.__name__)},
        "examples": [{"payload": example} for example in message.examples],
    }


def _docstring(shape: type[msgspec.Struct]) -> str:
    return (shape.__doc__ or "").replace("``", "`").strip()


def _schemas(channels: tuple[Channel, ...]) -> dict[str, Any]:
    """All structs by name, and for each side of a WebSocket channel the union of its messages."""
    shapes = [message.shape for each in channels for message in (*each.client, *each.server)]
    _, components = msgspec.json.schema_components(shapes, ref_template=SCHEMA)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = schema["description"].replace("``", "`")
    for channel in channels:
        if channel is EVENTS:
            continue
        client, server = _side(channel, "Client"), _side(channel, "Server")
        components[client] = _union(channel.client, f"What a client says on {channel.path}.")
        if channel.batched:
            components[server] = _union(channel.server, f"One of the messages that {channel.path} sends in arrays.")
            described = f"What {channel.path} sends: always an array."
            items = {"$ref": SCHEMA.format(name=server)}
            components[_batch(channel)] = {"description": described, "type": "array", "items": items}
        else:
            components[server] = _union(channel.server, f"What {channel.path} sends.")
    return components


def _union(messages: tuple[Message, ...], description: str) -> dict[str, Any]:
    refs = [{"$ref": SCHEMA.format(name=each.shape.__name__)} for each in messages]
    tag = messages[0].shape.__struct_config__.tag_field
    return {"description": description, "oneOf": refs, "discriminator": tag}


def _side(channel: Channel, side: str) -> str:
    return f"{channel.name.capitalize()}{side}Message"


def _batch(channel: Channel) -> str:
    return f"{channel.name.capitalize()}Batch"


def _limits(settings: GatewaySettings) -> dict[str, Any]:
    """By name, what one connection may cost, as this gateway is set up."""
    batch, flush_ms, buffer = GATEWAY_PROFILES[settings.gateway_profile]
    rows = (
        ("symbols", settings.gateway_symbols_max, "symbols of one connection; more are refused by an error message"),
        (
            "messagesIn",
            settings.gateway_in_per_s,
            "messages a second from one client, four times that at once; then 4008",
        ),
        ("messageBytes", INBOUND_BYTES_MAX, "bytes of one message from a client; then 1009"),
        ("messagesOut", settings.gateway_out_per_s, "messages a second to one client; above, states are conflated"),
        ("connections", settings.gateway_clients_max, "connections of one process; then 1013"),
        ("connectionsPerAddress", settings.gateway_clients_per_ip, "connections from one address; then 1013"),
        ("batch", batch, "messages in one flush of an analytics channel"),
        ("flushMs", flush_ms, "milliseconds between two flushes"),
        ("buffer", buffer, "messages that wait for one client; then 4009, or the oldest go"),
        ("pingMs", PING_MS, "milliseconds between the gateway's pings"),
        ("pongMs", PONG_MS, "milliseconds without a pong; then 1011"),
    )
    return {name: {"value": value, "meaning": meaning} for name, value, meaning in rows}
