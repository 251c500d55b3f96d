"""The registry client over real HTTP: what it finds, what it keeps, and how each failure shows."""

import json
from collections.abc import Iterator

import pytest

from connectors.avro import AvroDecoder
from connectors.registry import RegistryOptions, SchemaRegistry
from schemas.avro import WriterSchema, load_schema, schema_text
from schemas.errors import MissingObject, SettingError, Unreachable
from tests.servers.registry import RegistryServer
from tests.unit.connectors.batches import avro_value, framed, raw_batch
from tests.unit.connectors.test_avro import GOOD


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.registry._PAUSES_S", (0.0, 0.0))


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


def test_a_schema_is_asked_for_once(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url + "/"))
    schema_id = registry.register("trades-value", schema_text("Trade"))
    assert registry.register("trades-value", schema_text("Trade")) == schema_id
    for _ in range(3):
        assert registry(schema_id) == WriterSchema(load_schema("Trade"))
    assert server.requests.count(f"GET /schemas/ids/{schema_id}") == 1
    assert registry.latest("trades-value") == (schema_id, WriterSchema(load_schema("Trade")))


def test_a_decoder_reads_through_it(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    schema_id = registry.register("a/b value", schema_text("Trade"))
    raw = raw_batch([framed(schema_id, avro_value(load_schema("Trade"), GOOD))])
    assert len(AvroDecoder(resolver=registry).decode(raw)) == 1


def test_what_is_not_there_is_none_or_missing(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    assert registry(12345) is None
    with pytest.raises(MissingObject, match="no Avro schema for subject nothing"):
        registry.latest("nothing")
    with pytest.raises(MissingObject, match="422"):
        registry.register("trades-value", "{")


def test_schemas_of_other_kinds_are_none(server: RegistryServer) -> None:
    server.add("x", {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}, schema_id=5)
    server.add("x", {"schema": "not json"}, schema_id=6)
    registry = SchemaRegistry(RegistryOptions(server.url))
    assert (registry(5), registry(6)) == (None, None)


def test_references_come_with_the_schema(server: RegistryServer) -> None:
    inner = {"type": "fixed", "name": "Inner", "size": 2}
    middle = {"type": "record", "name": "Middle", "fields": [{"name": "i", "type": "Inner"}]}
    outer = {"type": "record", "name": "Outer", "fields": [{"name": "m", "type": "Middle"}]}
    server.add("inner", {"schema": json.dumps(inner)})
    server.add(
        "middle", {"schema": json.dumps(middle), "references": [{"name": "Inner", "subject": "inner", "version": 1}]}
    )
    known = server.add(
        "outer", {"schema": json.dumps(outer), "references": [{"name": "M", "subject": "middle", "version": 1}]}
    )
    assert SchemaRegistry(RegistryOptions(server.url))(known) == WriterSchema(outer, (inner, middle))


def test_a_registry_in_trouble_is_tried_three_times(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    server.down = True
    with pytest.raises(Unreachable, match="HTTP 503"):
        registry(1)
    assert len(server.requests) == 3


def test_a_start_asks_whether_it_is_there(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    registry.check()
    server.down = True
    with pytest.raises(Unreachable, match="HTTP 503"):
        registry.check()


def test_a_registry_that_is_gone() -> None:
    with RegistryServer() as server:
        url = server.url
    with pytest.raises(Unreachable, match=r"doesn't answer.*refused"):
        SchemaRegistry(RegistryOptions(url))(1)


def test_login_is_sent_and_a_wrong_one_is_a_setting() -> None:
    with RegistryServer(login="me:secret:with colon") as server:
        good = RegistryOptions(server.url, "me", "secret:with colon")
        assert SchemaRegistry(good).register("s", schema_text("Quote")) == 100
        with pytest.raises(SettingError, match="401"):
            SchemaRegistry(RegistryOptions(server.url, "me", "wrong"))(100)
        assert "secret" not in repr(good)


@pytest.mark.parametrize("url", ["", "registry:8081", "file:///etc/passwd", "http://"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SettingError, match="schema_registry_url"):
        SchemaRegistry(RegistryOptions(url))
