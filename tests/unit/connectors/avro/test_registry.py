"""The registry client over real HTTP: what it finds, what it keeps, and how each failure shows."""

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator

import pytest

from connectors.avro.decoder import AvroDecoder
from connectors.avro.registry import SchemaRegistry
from connectors.avro.registry_client import RegistryClient
from connectors.avro.registry_options import NoRegistry, RegistryOptions
from schemas.avro import WriterSchema, load_schema, schema_text
from schemas.errors import MissingObject, SettingError, Unreachable
from tests.servers.certificates import Authority, Certificates
from tests.servers.registry import RegistryServer
from tests.unit.connectors.avro.test_decoder import GOOD
from tests.unit.connectors.batches import avro_value, framed, raw_batch


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.avro.registry_client._PAUSE_MS", 0)
    monkeypatch.setattr("connectors.avro.registry._LAG_PAUSES_S", (0.0, 0.0, 0.0))


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


def test_a_decoder_reads_through_it(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    schema_id = registry.register("a/b value", schema_text("Trade"))
    raw = raw_batch([framed(schema_id, avro_value(load_schema("Trade"), GOOD))])
    assert len(AvroDecoder(resolver=registry).decode(raw)) == 1


def test_what_is_not_there_is_none_or_missing(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    registry.register("trades-value", schema_text("Trade"))
    assert registry(12345) is None
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


@pytest.mark.parametrize("status", [404, 200])
def test_a_web_server_that_answers_everything_is_no_registry(server: RegistryServer, status: int) -> None:
    """A wrong base path, a proxy: its 404 says nothing about schemas."""
    registry = SchemaRegistry(RegistryOptions(server.url))
    server.web = status
    for ask in (registry.check, lambda: registry(7), lambda: registry.register("s", schema_text("Trade"))):
        with pytest.raises(Unreachable, match=r"no Schema Registry answers there.*check the URL"):
            ask()


def test_a_registry_of_before_types_passes_the_start(server: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = server.answer
    monkeypatch.setattr(
        server,
        "answer",
        lambda method, path, body: (
            (404, {"error_code": 404, "message": "HTTP 404 Not Found"})
            if path == "/schemas/types"
            else answer(method, path, body)
        ),
    )
    SchemaRegistry(RegistryOptions(server.url)).check()


@pytest.mark.parametrize(
    ("body", "says_so"),
    [
        ('{"error_code":40403,"message":"Schema 7 not found"}', True),
        ('{"error_code":40401,"message":"Subject \'x\' not found."}', True),
        ('{"error_code":404,"message":"No artifact with ID \'7\' was found."}', True),
        ('{"message":"Schema with id 7 does not exist"}', True),
        ('{"error_code":404,"message":"HTTP 404 Not Found"}', False),
        ('{"message":"no Route matched with those values"}', False),
        ("<html>Not Found: schema</html>", False),
        ("[]", False),
        ("{}", False),
        (" ", False),
    ],
)
def test_which_404_says_that_a_schema_is_not_there(server: RegistryServer, body: str, says_so: bool) -> None:
    server.web, server.web_body = 404, body.encode()
    client = RegistryClient(RegistryOptions(server.url))
    if says_so:
        assert client.schema(7) is None
    else:
        with pytest.raises(NoRegistry, match="HTTP 404"):
            client.schema(7)


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", '"text"', "17", '{"schema": 5}', '{"id": "x"}', " "])
def test_what_no_registry_answers_is_not_kept(server: RegistryServer, body: str) -> None:
    """A proxy's page today is no schema of tomorrow."""
    schema_id = server.add("trades-value", {"schema": schema_text("Trade")})
    registry = SchemaRegistry(RegistryOptions(server.url))
    server.web, server.web_body = 200, body.encode()
    with pytest.raises(Unreachable, match="no Schema Registry answers there"):
        registry(schema_id)
    with pytest.raises(Unreachable, match="no Schema Registry answers there"):
        registry.register("trades-value", schema_text("Trade"))
    server.web = 0
    assert registry(schema_id) == WriterSchema(load_schema("Trade"))


def test_a_registry_that_was_restored_empty_can_judge_no_id(server: RegistryServer) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    schema_id = registry.register("trades-value", schema_text("Trade"))
    server.schemas.clear()
    server.subjects.clear()
    with pytest.raises(Unreachable, match=f"no schema at all.*written with schema {schema_id}"):
        registry(schema_id)
    server.add("trades-value", {"schema": schema_text("Trade")}, schema_id)
    assert registry(schema_id) is not None


def test_a_follower_that_lags_is_waited_for(server: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = SchemaRegistry(RegistryOptions(server.url))
    server.add("other", {"schema": schema_text("Quote")})

    def sleep(_seconds: float) -> None:
        server.add("trades-value", {"schema": schema_text("Trade")}, 777)

    monkeypatch.setattr("connectors.avro.registry.time.sleep", sleep)
    assert registry(777) is not None


def test_lag_is_waited_out_for_one_unknown_id_and_not_for_thousands(server: RegistryServer) -> None:
    server.add("other", {"schema": schema_text("Quote")})
    registry = SchemaRegistry(RegistryOptions(server.url))
    for schema_id in range(1000, 1020):
        assert registry(schema_id) is None
        assert registry(schema_id) is None
    asked = [each for each in server.requests if each.startswith("GET /schemas/ids/")]
    assert len(asked) == 4 + 19


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
    for each in (url, f"http://registry:8081,{url}"):
        with pytest.raises(SettingError, match="schema_registry_url"):
            SchemaRegistry(RegistryOptions(each))


def test_the_client_is_loaded_by_who_has_a_registry() -> None:
    asked = "import sys, flows.reading; print([name for name in sys.modules if 'schema_registry' in name])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("alive_at", [0, 1])
def test_of_several_nodes_one_that_lives_is_enough(server: RegistryServer, alive_at: int) -> None:
    with RegistryServer() as other:
        gone = other.url
    urls = [gone, gone]
    urls[alive_at] = server.url
    registry = SchemaRegistry(RegistryOptions(", ".join(urls)))
    registry.check()
    schema_id = registry.register("trades-value", schema_text("Trade"))
    assert registry(schema_id) == WriterSchema(load_schema("Trade"))
    assert registry.subjects() == 1


def test_of_several_nodes_one_in_trouble_is_passed_over(server: RegistryServer) -> None:
    with RegistryServer() as other:
        other.down = True
        registry = SchemaRegistry(RegistryOptions(f"{other.url},{server.url}"))
        assert registry.register("s", schema_text("Quote")) == 100
        assert len(other.requests) == 1
        server.down = True
        with pytest.raises(Unreachable, match="HTTP 503"):
            registry.check()


def test_a_login_in_the_address_is_used_and_never_said() -> None:
    with RegistryServer(login="me:p@ss word") as server:
        url = server.url.replace("://", "://me:p%40ss%20word@")
        registry = SchemaRegistry(RegistryOptions(url))
        registry.check()
        assert registry.where == server.url
        server.down = True
        with pytest.raises(Unreachable) as caught:
            registry.check()
        assert "word" not in f"{caught.value}"
        with pytest.raises(SettingError, match="several logins"):
            SchemaRegistry(RegistryOptions(url, "other", "secret"))


def test_a_token_is_sent_and_a_wrong_one_is_a_setting() -> None:
    def with_token(url: str, token: str) -> SchemaRegistry:
        properties = {
            "bearer.auth.credentials.source": "STATIC_TOKEN",
            "bearer.auth.token": token,
            "bearer.auth.logical.cluster": "lsrc-1",
        }
        return SchemaRegistry(RegistryOptions(url, properties=properties))

    with RegistryServer(bearer="t0ken") as server:
        with_token(server.url, "t0ken").check()
        with pytest.raises(SettingError, match="401"):
            with_token(server.url, "other").check()


def test_a_token_of_an_issuer_that_is_gone_may_come_and_one_refused_is_a_setting(server: RegistryServer) -> None:
    with RegistryServer() as other:
        gone = other.url

    def with_issuer(url: str) -> SchemaRegistry:
        properties = {
            "bearer.auth.credentials.source": "OAUTHBEARER",
            "bearer.auth.client.id": "me",
            "bearer.auth.client.secret": "hunter2",
            "bearer.auth.scope": "s",
            "bearer.auth.issuer.endpoint.url": url,
            "bearer.auth.logical.cluster": "lsrc-1",
        }
        return SchemaRegistry(RegistryOptions(server.url, properties=properties))

    with pytest.raises(Unreachable, match="no token"):
        with_issuer(gone).check()
    with RegistryServer() as issuer:
        issuer.web, issuer.web_body = 400, b'{"error": "invalid_client"}'
        with pytest.raises(SettingError, match=r"no token.*invalid_client") as caught:
            with_issuer(issuer.url).check()
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "properties",
    [
        {"ssl.ca": "/x"},
        {"ssl.ca.location": "/nowhere/ca.pem"},
        {"ssl.key.location": "/nowhere/key.pem"},
        {"max.retries": "three"},
        {"timeout": "soon"},
        {"bearer.auth.credentials.source": "CUSTOM"},
        {"bearer.auth.credentials.source": "nobody"},
        {"basic.auth.user.info": "no-colon"},
        {"proxy": "no proxy"},
    ],
)
def test_properties_that_the_client_refuses(properties: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="schema_registry_properties"):
        SchemaRegistry(RegistryOptions("http://127.0.0.1:1", properties=properties))


def test_a_redirect_is_no_registry(server: RegistryServer) -> None:
    server.web = 301
    with pytest.raises(NoRegistry, match="HTTP 301"):
        SchemaRegistry(RegistryOptions(server.url)).check()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Authority(tmp_path_factory.mktemp("tls")).issue("test")


def test_tls_with_a_certificate_of_the_client(certificates: Certificates) -> None:
    trusted = {"ssl.ca.location": str(certificates.authority)}
    own = {
        "ssl.certificate.location": str(certificates.certificate),
        "ssl.key.location": str(certificates.key),
    }
    with RegistryServer(tls=certificates.of_server()) as server:
        registry = SchemaRegistry(RegistryOptions(server.url, properties={**trusted, **own}))
        schema_id = registry.register("trades-value", schema_text("Trade"))
        assert registry(schema_id) == WriterSchema(load_schema("Trade"))
        with pytest.raises(Unreachable, match=r"doesn't answer.*ssl.ca.location"):
            SchemaRegistry(RegistryOptions(server.url, properties=own)).check()
        with pytest.raises(Unreachable, match="doesn't answer"):
            SchemaRegistry(RegistryOptions(server.url, properties=trusted)).check()
    with (
        RegistryServer() as plain,
        pytest.raises(Unreachable, match=r"does it speak TLS\? if not, use http://"),
    ):
        SchemaRegistry(RegistryOptions(plain.url.replace("http:", "https:"))).check()


def test_what_is_no_registry_is_said_across_processes() -> None:
    error = NoRegistry("http://127.0.0.1", "a page")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
