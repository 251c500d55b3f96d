"""The AsyncAPI document is whole: every channel, code and limit is there, and every example fits its schema."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

import schemas.contract
from gateway.messages.errors import ERROR_CODES
from gateway.rest.app import create_app
from gateway.rest.asyncapi import WS_CHANNELS, make_asyncapi
from gateway.ws.server import ALIASES, DIALECTS
from runtime.settings.whole import Settings
from schemas.channels import CHANNEL_TYPES, EVENT_TYPES, STATS_TYPES

ROOT = Path(__file__).parents[4]
CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(create_app(Settings()).state.documents.asyncapi))
    return found


def schema_at(document: dict[str, Any], reference: str) -> Any:
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/")]
    return target


def test_every_channel_of_the_server_is_there(document: dict[str, Any]) -> None:
    sockets = {each["address"] for name, each in document["channels"].items() if name != "events"}
    assert sockets == {dialect.path for dialect in DIALECTS} == {channel.path for channel in WS_CHANNELS}
    assert {dialect.name for dialect in DIALECTS} == {channel.name for channel in WS_CHANNELS}
    aliases = {alias: each["address"] for each in document["channels"].values() for alias in each.get("x-aliases", ())}
    assert aliases == ALIASES
    assert set(document["channels"]["events"]["messages"]) == {*EVENT_TYPES, "gap"}


def test_every_type_of_the_analytics_channels_has_a_message() -> None:
    analytics = next(channel for channel in WS_CHANNELS if channel.name == "analytics")
    tags = {message.shape.__struct_config__.tag for message in analytics.server}
    assert tags == {*CHANNEL_TYPES.values(), *STATS_TYPES.values(), "error", "pong"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = re.findall(r'"\$ref": "(#/[^"]+)"', json.dumps(document))
    assert len(references) > 100
    assert all(schema_at(document, each) for each in references)


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for name, message in document["components"]["messages"].items():
        schema = {**message["payload"], "components": document["components"]}
        for example in message["examples"]:
            errors = [error.message for error in validator_for(schema).iter_errors(example["payload"])]
            assert not errors, (name, errors)
            checked += 1
    assert checked >= 40


def test_messages_of_a_channel_are_those_of_its_operations(document: dict[str, Any]) -> None:
    for name, channel in document["channels"].items():
        used = [
            message["$ref"].rpartition("/")[2]
            for op in document["operations"].values()
            if op["channel"]["$ref"] == f"#/channels/{name}"
            for message in op["messages"]
        ]
        assert sorted(used) == sorted(channel["messages"]), name
        assert channel["summary"]
        assert channel["description"]


def test_each_socket_has_every_close_code_and_the_limits(document: dict[str, Any]) -> None:
    codes = {
        value: name.removeprefix("CLOSE_")
        for name, value in vars(schemas.contract).items()
        if name.startswith("CLOSE_") and isinstance(value, int)
    }
    for name, channel in document["channels"].items():
        if name == "events":
            continue
        assert {each["code"]: each["name"] for each in channel["x-close-codes"]} == codes
        assert all(each["why"] and each["advice"] for each in channel["x-close-codes"])
        assert channel["x-limits"]["symbols"]["value"] == 1000
        headers = channel["bindings"]["ws"]["headers"]["properties"]
        assert set(headers) == {"Authorization", "Sec-WebSocket-Protocol"}
        assert set(channel["bindings"]["ws"]["query"]["properties"]) == {"token"}


def test_limits_are_those_of_the_settings() -> None:
    settings = Settings(gateway_symbols_max=7, gateway_in_per_s=8, gateway_profile="low-latency")
    limits = make_asyncapi("1", settings)["channels"]["prices"]["x-limits"]
    values = {name: limits[name]["value"] for name in ("symbols", "messagesIn", "batch", "flushMs", "buffer")}
    assert values == {"symbols": 7, "messagesIn": 8, "batch": 10, "flushMs": 5, "buffer": 256}


def codes_in(path: Path) -> Iterator[str]:
    """First arguments of Problem(…), and the codes that the hub gives to ``refusal``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        texts = node.args[:1] if isinstance(node, ast.Call) else node.keys if isinstance(node, ast.Dict) else []
        for text in texts:
            value = text.value if isinstance(text, ast.Constant) else None
            if isinstance(value, str) and CODE.fullmatch(value):
                yield value


def test_the_codes_of_errors_are_those_that_are_sent() -> None:
    files = [*(ROOT / "gateway/ws/dialects").glob("*.py"), *(ROOT / "core/fanout").glob("*.py")]
    assert {code for path in files for code in codes_in(path)} == set(ERROR_CODES)


def test_decimals_are_numbers_of_a_format_of_their_own(document: dict[str, Any]) -> None:
    assert '"type": "string", "format": "decimal"' not in json.dumps(document)
    snapshot = document["components"]["schemas"]["PriceSnapshot"]["properties"]
    assert snapshot["price"] == {"type": "number", "format": "decimal"}
    assert snapshot["bid"] == {"anyOf": [{"type": "number", "format": "decimal"}, {"type": "null"}]}
