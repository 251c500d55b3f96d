"""A real Apicurio Registry by its Confluent API: schemas that evolve, references, an outage, and logins."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient

from connectors.avro.registry import SchemaRegistry
from connectors.avro.registry_options import RegistryOptions
from schemas.avro import load_schema, schema_text
from schemas.errors import SettingError, Unreachable
from tests.servers.apicurio import ApicurioServer
from tests.servers.oidc import OidcIssuer

pytestmark = pytest.mark.thorough

UNKNOWN = 4711
CLUSTER = {"bearer.auth.logical.cluster": "lsrc-1", "bearer.auth.identity.pool.id": "pool-1"}
"""Confluent's client wants them of every token; others pay no heed to them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApicurioServer]:
    with ApicurioServer(tmp_path_factory.mktemp("apicurio")) as server:
        yield server


@pytest.fixture
def opened() -> Iterator[Callable[..., SchemaRegistry]]:
    """Makes clients, and closes them: a flow's end with its process, which keeps their connections as long."""
    made: list[SchemaRegistry] = []

    def open_one(url: str, login: tuple[str, str] = ("", ""), **properties: Any) -> SchemaRegistry:
        user, password = login
        made.append(SchemaRegistry(RegistryOptions(url, user=user, password=password, properties=properties)))
        return made[-1]

    yield open_one
    for each in made:
        each._client._client.close()


def fields_of(schema: Any) -> list[str]:
    return [field["name"] for field in schema["fields"]]


def test_schemas_evolve_and_each_id_stays_what_it_was(
    server: ApicurioServer, opened: Callable[..., SchemaRegistry]
) -> None:
    registry = opened(server.url)
    registry.check()
    first = registry.register("trades-value", schema_text("Trade"))
    assert registry.register("trades-value", schema_text("Trade")) == first
    changed: Any = json.loads(schema_text("Trade"))
    changed["fields"].append({"name": "venue", "type": ["null", "string"], "default": None})
    second = registry.register("trades-value", json.dumps(changed))
    assert second != first
    anew = opened(server.url)
    found = [anew(schema_id) for schema_id in (first, second)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].schema == load_schema("Trade")
    assert fields_of(found[1].schema) == [*fields_of(found[0].schema), "venue"]
    assert anew(UNKNOWN) is None
    assert anew.subjects() == 1


def test_a_schema_that_names_another_subject_is_whole(
    server: ApicurioServer, opened: Callable[..., SchemaRegistry]
) -> None:
    """Registered as a producer of somebody else would, by the stock client."""
    with SchemaRegistryClient({"url": server.url}) as client:
        schema_id = register_in_two(client)
    found = opened(server.url)(schema_id)
    assert found is not None
    assert "px" in json.dumps(found)


def register_in_two(client: SchemaRegistryClient) -> int:
    """A record in a subject of its own, and one that names it; the id of this."""
    price = {"type": "record", "name": "Price", "namespace": "venue", "fields": [{"name": "px", "type": "string"}]}
    client.register_schema("venue-price", Schema(json.dumps(price), "AVRO"))
    trade = {
        "type": "record", "name": "Print", "namespace": "venue",
        "fields": [{"name": "sym", "type": "string"}, {"name": "price", "type": "venue.Price"}],
    }  # fmt: skip
    reference = SchemaReference("venue.Price", "venue-price", 1)
    return client.register_schema("venue-print", Schema(json.dumps(trade), "AVRO", [reference]))


def test_an_outage_is_never_an_unknown_schema(server: ApicurioServer, opened: Callable[..., SchemaRegistry]) -> None:
    schema_id = opened(server.url).register("outage-value", schema_text("Bar"))
    registry = opened(server.url, **{"timeout": 1, "max.retries": 0})
    server.pause()
    try:
        with pytest.raises(Unreachable, match="doesn't answer"):
            registry(schema_id)
    finally:
        server.resume()
    assert registry(schema_id) is not None


def test_a_path_that_is_not_the_registrys_is_said(
    server: ApicurioServer, opened: Callable[..., SchemaRegistry]
) -> None:
    with pytest.raises(Unreachable, match="no Schema Registry answers there"):
        opened(server.url.removesuffix("/apis/ccompat/v7")).check()


def test_each_way_to_log_in_is_taken_and_each_wrong_one_told(
    tmp_path: Path, opened: Callable[..., SchemaRegistry]
) -> None:
    with OidcIssuer({"flow": "a-secret"}) as issuer, ApicurioServer(tmp_path, issuer) as server:

        def fixed(token: str) -> dict[str, Any]:
            return {"bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.token": token, **CLUSTER}

        asked = {
            "bearer.auth.credentials.source": "OAUTHBEARER", "bearer.auth.client.id": "flow",
            "bearer.auth.client.secret": "a-secret", "bearer.auth.scope": "registry",
            "bearer.auth.issuer.endpoint.url": f"{issuer.url}/token", **CLUSTER,
        }  # fmt: skip
        schema_id = opened(server.url, **fixed(issuer.token("flow"))).register("trades-value", schema_text("Trade"))
        assert issuer.given == {}
        assert opened(server.url, **asked)(schema_id) is not None
        assert issuer.given == {"flow": 1}
        assert opened(server.url, ("flow", "a-secret"))(schema_id) is not None
        assert issuer.given == {"flow": 2}
        for wrong in (
            opened(server.url),
            opened(server.url, ("flow", "another")),
            opened(server.url, **fixed(issuer.token("flow", life_s=-60))),
        ):
            with pytest.raises(SettingError, match=r"refuses us.*check schema_registry_user"):
                wrong.check()
