"""The development login at a running gateway: a shell's way in, guesses, pages of others, what is said of it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema_rs import validator_for
from websockets.sync.client import connect

from local.ports import free_port
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway, verb
from tests.integration.gateway.rest_server import Answer, RestServer
from tests.integration.gateway.ws_world import own_redis
from tests.servers.needs import must_have
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

SECRET = "a-secret-of-the-login-a-secret-of-the-login"
USERS = ("admin:admin:trader", "bob:secret")
CHANNELS = {"alerts": ("trader",)}
LOGIN = """
TOKEN=$(curl -X POST http://localhost:7999/login \\
  -d '{"username":"admin","password":"admin"}' | jq -r '.token')
echo $TOKEN
"""
NO_JQ = f"""jq() {{ {sys.executable} -c 'import json, sys; print(json.load(sys.stdin)["token"])'; }}"""


@pytest.fixture(scope="module")
def gateway(own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayCommand]:
    with running_gateway(
        tmp_path_factory.mktemp("login"),
        own_redis.url,
        gateway_token_secret=SECRET,
        gateway_login_users=USERS,
        gateway_channel_roles=CHANNELS,
        gateway_trust_forwarded=True,
    ) as running:
        yield running


@pytest.fixture
def rest(gateway: GatewayCommand) -> RestServer:
    """Ways to ask the running gateway."""
    asking = RestServer.__new__(RestServer)
    asking.port, asking.settings = gateway.settings.gateway_port, gateway.settings
    return asking


def log_in(rest: RestServer, name: Any, password: Any, address: str, **headers: str) -> Answer:
    body = json.dumps({"username": name, "password": password}).encode()
    return rest.ask("POST", "/login", token="", body=body, x_forwarded_for=address, **headers)


def test_a_shell_gets_a_token_and_a_socket_takes_it(gateway: GatewayCommand) -> None:
    must_have("curl")
    script = LOGIN.replace("7999", str(gateway.settings.gateway_port))
    if not shutil.which("jq"):
        script = NO_JQ + script
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    token = done.stdout.strip()
    with connect(f"{gateway.websocket}/ws/analytics?token={token}", proxy=None) as connection:
        connection.send('{"action":"subscribe","channels":["routing-metrics","alerts"]}')
        connection.send('{"action":"ping"}')
        answer = json.loads(connection.recv(timeout=20))
    assert "error" not in json.dumps(answer), answer


def test_the_token_opens_rest_and_nothing_keeps_the_answer(rest: RestServer) -> None:
    answer = log_in(rest, "bob", "secret", "10.0.0.1")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    token = json.loads(answer.body)["token"]
    assert rest.get("/api/symbols", token=token).status == 200
    assert rest.get("/api/symbols", token="").status == 401


def test_guesses_of_one_address_end_after_ten(rest: RestServer) -> None:
    for number in range(10):
        refused = log_in(rest, "admin", f"guess {number}", "10.0.0.2")
        assert (refused.status, json.loads(refused.body)["error"]) == (401, "UNAUTHORIZED")
    late = log_in(rest, "admin", "admin", "10.0.0.2")
    assert (late.status, json.loads(late.body)["error"]) == (429, "RATE_LIMITED")
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert log_in(rest, "admin", "admin", "10.0.0.3").status == 200, "others go on"


@pytest.mark.parametrize(
    "body", [b"", b"username=admin&password=admin", b"[]", b'{"username":1,"password":2}', b"\xff"]
)
def test_a_body_that_is_no_login_is_said_so(rest: RestServer, body: bytes) -> None:
    answer = rest.ask("POST", "/login", token="", body=body, x_forwarded_for="10.0.0.4")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "BAD_REQUEST")


def test_pages_of_other_origins_get_none(rest: RestServer) -> None:
    assert log_in(rest, "admin", "admin", "10.0.0.5", origin="https://elsewhere.example").status == 403


def test_it_says_so_loudly(gateway: GatewayCommand, rest: RestServer) -> None:
    assert json.loads(rest.get("/api/about", token="").body)["login"] is True
    warned = [line for line in gateway.said() if line["event"] == "development_login_opened"]
    assert [line["level"] for line in warned] == ["warning"]
    assert "secret" not in json.dumps(warned).replace("TAPEFLOW_GATEWAY_TOKEN_SECRET", "")


def test_the_document_describes_it(rest: RestServer) -> None:
    document = json.loads(rest.get("/openapi.json", token="").body)
    schemathesis.openapi.from_dict(document).validate()
    described = document["paths"]["/login"]["post"]
    assert described["security"] == []
    for answer in (log_in(rest, "bob", "secret", "10.0.0.6"), log_in(rest, "bob", "wrong", "10.0.0.6")):
        schema = described["responses"][str(answer.status)]["content"]["application/json"]["schema"]
        validator_for({**schema, "components": document["components"]}).validate(json.loads(answer.body))
    assert "429" in described["responses"]


def test_without_the_setting_there_is_no_such_path(own_redis: RedisServer, tmp_path: Path) -> None:
    with RestServer(tmp_path, redis_url=own_redis.url) as plain:
        assert log_in(plain, "admin", "admin", "10.0.0.7").status == 404
        assert json.loads(plain.get("/api/about", token="").body)["login"] is False
        assert "/login" not in json.loads(plain.get("/openapi.json", token="").body)["paths"]


def test_without_a_secret_the_gateway_does_not_start(own_redis: RedisServer, gateway: GatewayCommand) -> None:
    changed = {"gateway_token_secret": "", "gateway_port": free_port()}
    done = verb(gateway.settings.model_copy(update=changed), "gateway")
    assert done.returncode == 2
    assert "TAPEFLOW_GATEWAY_LOGIN_USERS" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
