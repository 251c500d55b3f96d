"""What the doctor says of a Schema Registry, against a real one over HTTP."""

import pytest

from jobs.doctor.examination import _registry
from jobs.doctor.finding import Finding
from runtime.settings.whole import Settings
from schemas.avro import schema_text
from tests.servers.registry import RegistryServer


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.avro.registry_client._PAUSE_MS", 0)


def said(url: str, **more: str) -> Finding:
    (finding,) = _registry(Settings(schema_registry_url=url, **more))
    return finding


def test_none_is_needed() -> None:
    assert said("").state == "ok"


def test_a_registry_that_answers_is_counted() -> None:
    with RegistryServer(login="me:secret") as server:
        server.add("trades-value", {"schema": schema_text("Trade")})
        found = said(server.url, schema_registry_user="me", schema_registry_password="secret")
        assert (found.state, found.what) == ("ok", "1 subjects")
        refused = said(server.url, schema_registry_user="me", schema_registry_password="hunter2")
        assert refused.state == "failed"
        assert "HTTP 401" in refused.what
        assert "schema_registry_password" in refused.todo
        assert "hunter2" not in repr(refused)


def test_one_that_is_gone_or_none_says_what_to_do() -> None:
    with RegistryServer() as server:
        server.web = 404
        assert "no Schema Registry answers there" in said(server.url).what
        url = server.url
    gone = said(url)
    assert "doesn't answer" in gone.what
    assert gone.todo
