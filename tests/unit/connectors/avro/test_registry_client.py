"""Requests to a registry, over real HTTP: what is found, what isn't, and whose fault a failure is."""

from collections.abc import Iterator

import pytest

from connectors.avro.registry_client import RegistryClient, is_no_schema
from connectors.avro.registry_options import NoRegistry, RegistryOptions
from local.ports import free_port
from schemas.errors import SettingError, Unreachable
from tests.servers.registry import RegistryServer

SCHEMA = '{"type":"record","name":"R","fields":[]}'


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


def client_of(url: str, **options: str) -> RegistryClient:
    return RegistryClient(RegistryOptions(url, tries_more=0, **options))  # type: ignore[arg-type]


def test_what_was_registered_is_found_and_nothing_else(server: RegistryServer) -> None:
    client = client_of(server.url)
    schema_id = client.register("trades-value", SCHEMA)
    assert schema_id is not None
    found = client.schema(schema_id)
    assert found is not None
    assert found.schema_str == SCHEMA
    assert client.schema(schema_id + 1) is None
    assert client.version("other-value", 1) is None


@pytest.mark.parametrize(
    ("code", "message", "absent"),
    [
        (40403, "Schema 7 not found", True),
        (40499, "", True),
        (404, "No such schema", True),
        (404, "artifact 7 does not exist", True),
        (404, "HTTP 404 Not Found", False),
        ("40403", "Not Found", False),
    ],
)
def test_a_404_of_a_registry_is_no_404_of_a_web_server(code: object, message: str, absent: bool) -> None:
    assert is_no_schema(code, message) is absent


def test_a_web_server_is_no_registry(server: RegistryServer) -> None:
    server.web, server.web_body = 404, b"<html>"
    with pytest.raises(NoRegistry, match="but HTTP 404"):
        client_of(server.url).schema(1)
    server.web, server.web_body = 200, b"[1]"
    with pytest.raises(NoRegistry, match="an answer that no registry gives"):
        client_of(server.url).schema(1)


def test_who_does_not_answer_may_answer_later() -> None:
    with pytest.raises(Unreachable, match="Schema Registry doesn't answer"):
        client_of(f"http://127.0.0.1:{free_port()}").schema(1)


def test_a_login_stands_in_one_place_and_in_no_message(server: RegistryServer) -> None:
    server.login = "me:secret"
    inside = server.url.replace("http://", "http://me:secret@")
    client = client_of(inside)
    assert client.where == server.url
    assert client.register("trades-value", SCHEMA) is not None
    with pytest.raises(SettingError, match="several logins") as refused:
        client_of(inside, user="you", password="hidden")
    assert "secret" not in str(refused.value)
    with pytest.raises(SettingError, match="refuses us"):
        client_of(server.url).schema(1)


@pytest.mark.parametrize("url", ["localhost:8081", "ftp://host", "http://", "http://host:99999"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingError, match=r"not an http\(s\) address"):
        client_of(url)
