"""The AsyncAPI document is valid by the specification's own JSON Schema, served, shown, and true of events."""

import copy
import http.client
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from gateway.messages.events import EVENTS
from gateway.rest.app import create_app
from runtime.settings.whole import Settings
from schemas.channels import EVENT_TYPES, event_fields
from schemas.names import EVENTS_STREAM
from tests.integration.gateway.rest_server import Market, RestServer
from tests.integration.web.node import web_modules


@pytest.fixture(scope="module")
def specification() -> Any:
    found = web_modules() / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
    return validator_for(json.loads(Path(found).read_text("utf-8")))


def test_the_document_is_valid(specification: Any) -> None:
    document = create_app(Settings()).state.documents.asyncapi
    assert [error.message for error in specification.iter_errors(document)] == []


def test_the_specification_would_say_what_is_wrong(specification: Any) -> None:
    broken = copy.deepcopy(create_app(Settings()).state.documents.asyncapi)
    del broken["operations"]["sendPrices"]["action"]
    broken["channels"]["prices"]["surprise"] = 1
    assert len(list(specification.iter_errors(broken))) >= 2


def test_the_gateway_serves_it_and_its_page_shows_it(rest: RestServer) -> None:
    document = rest.get("/asyncapi.json", token="").json()
    assert document["asyncapi"] == "3.0.0"
    page = rest.get("/docs", token="").body.decode()
    assert 'href="asyncapi.json"' in page
    assert all(channel["address"] in page for channel in document["channels"].values())


def test_every_event_that_is_sent_fits_its_schema(market: Market, tmp_path: Path) -> None:
    """An id that isn't held brings ``gap`` first, then all that is."""
    sent = [message for message in EVENTS.server if message.name in EVENT_TYPES]
    market.redis.xtrim(EVENTS_STREAM, maxlen=0, approximate=False)
    for message in sent:
        data = json.dumps(message.examples[0]).encode()
        market.redis.xadd(EVENTS_STREAM, event_fields(message.name, data, written_ms=1))
    roles = {"alerts": ("trader",)}
    with RestServer(tmp_path, **market.settings(), gateway_channel_roles=roles) as server:
        found = dict(
            islice(events_of(server, server.token(role="trader"), "/api/events?lastEventId=1-0"), 1 + len(sent))
        )
    assert set(found) == {"gap", *EVENT_TYPES}
    document = create_app(Settings()).state.documents.asyncapi
    for name, data in found.items():
        schema = {**document["components"]["messages"][name]["payload"], "components": document["components"]}
        assert [error.message for error in validator_for(schema).iter_errors(data)] == [], name


def events_of(server: RestServer, token: str, path: str) -> Iterator[tuple[str, Any]]:
    """Name and data of each event, as a reader of the stream has them."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        name = ""
        while line := answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            name = value if field == "event" else name
            if field == "data":
                yield name, json.loads(value)
    finally:
        connection.close()
