"""``tapeflow gateway``, ``token``, ``publish`` and ``watch`` as a user runs them, on a real Redis."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from gateway.stores.redis_pool import open_redis
from local.ports import free_port
from processes.gateway_processes import LIVED_S, answers
from runtime.settings.whole import Settings
from tapeflow.cli import main
from tests.chaos.world import free_ports_in_a_row
from tests.integration.gateway.gateway_command import COMMAND, GatewayCommand, environment, running_gateway, verb
from tests.integration.gateway.rest_server import eventually
from tests.integration.gateway.ws_world import Flow
from tests.servers.redis import RedisServer

SECRET = "a-secret-of-a-test-a-secret-of-a-test"
SUBSCRIBE = json.dumps({"type": "subscribe", "symbols": ["AAPL"]})


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("command")) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayCommand]:
    """With a token secret, AAPL traded once."""
    trade(own_redis.url, ("AAPL", "187.42", "3"))
    folder = tmp_path_factory.mktemp("gateway")
    roles = {"alerts": ("desk",)}
    with running_gateway(folder, own_redis.url, gateway_token_secret=SECRET, gateway_channel_roles=roles) as running:
        yield running


def trade(url: str, *trades: tuple[str, str, str]) -> None:
    """Trades as the flow writes them."""

    async def write() -> None:
        redis = open_redis(url, 5_000)
        flow = Flow(redis)
        flow.sequence = time.time_ns() // 1_000_000  # above those of flows before it
        await flow.begin()
        for symbol, price, size in trades:
            await flow.trade(symbol, price, size)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(write())


def client(gateway: GatewayCommand, token: str, path: str = "/ws/prices", **options: Any) -> ClientConnection:
    return connect(
        gateway.websocket + path, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None, **options
    )


def close_code(connection: ClientConnection) -> tuple[int, str]:
    with connection:
        while True:
            try:
                connection.recv(timeout=10)
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


def test_a_token_of_the_command_opens_every_door(gateway: GatewayCommand) -> None:
    made = verb(gateway.settings, "token", "alice", "--symbols", "AA*", "--minutes", "1")
    token = made.stdout.strip()
    assert (made.returncode, made.stderr) == (0, "")
    with client(gateway, token) as connection:
        connection.send(SUBSCRIBE)
        assert json.loads(connection.recv(timeout=20))["price"] == 187.42
        connection.send(SUBSCRIBE.replace("AAPL", "MSFT"))
        assert json.loads(connection.recv(timeout=20))["code"] == "FORBIDDEN_SYMBOL"
    curl = ["curl", "-s", "-H", f"Authorization: Bearer {token}", f"{gateway.rest}/api/prices/AAPL"]
    assert json.loads(subprocess.check_output(curl, timeout=10))["price"] == 187.42


@pytest.mark.parametrize("token", ["", "nonsense", "eyJhbGciOiJub25lIn0.e30."])
def test_a_bad_token_is_4001(gateway: GatewayCommand, token: str) -> None:
    assert close_code(client(gateway, token))[0] == 4001


def test_a_token_that_ends_closes_the_connection(gateway: GatewayCommand) -> None:
    token = verb(gateway.settings, "token", "bob", "--minutes", "0.05").stdout.strip()
    assert close_code(client(gateway, token))[0] == 4001


def test_rest_shows_the_rooms_and_clients_of_the_websocket_half(gateway: GatewayCommand) -> None:
    with client(gateway, gateway.token()) as connection:
        connection.send(SUBSCRIBE)
        connection.recv(timeout=20)
        stats = eventually(
            lambda: [each["stats"] for each in gateway.get(f"{gateway.rest}/health/ws-stats")["gateways"]
                     if each["stats"]["subscriptions"] == 1], 30,
        )  # fmt: skip
    assert [stats[0][name] for name in ("rooms", "clients", "connections")] == [1, 1, 1]
    assert gateway.get(f"{gateway.rest}/health")["status"] == "ok"
    assert gateway.get(f"{gateway.rest}/health/ready")["dependencies"]["redis"]["status"] == "up"


def test_one_page_has_the_metrics_of_both_halves(gateway: GatewayCommand) -> None:
    page = f"{gateway.rest}/metrics"
    text = eventually(lambda: "tapeflow_ws_input_connected 1.0" in (found := gateway.get(page)) and found, 20)
    assert "tapeflow_ws_connections " in text
    assert "tapeflow_rest_requests_total" in text


def test_the_log_tells_version_and_settings_without_secrets(gateway: GatewayCommand) -> None:
    (line,) = eventually(lambda: [each for each in gateway.said() if each["event"] == "gateway_started"], 20)
    assert line["version"] == version("tapeflow")
    assert (line["settings"]["gateway_token_secret"], line["settings"]["log_format"]) == ("***", "json")
    assert SECRET not in gateway.log.read_text()


def test_published_messages_reach_channels_and_events(gateway: GatewayCommand) -> None:
    token = gateway.token(role="desk")
    with client(gateway, token, "/ws/analytics") as connection:
        connection.send('{"action":"subscribe","channels":["alerts","routing-metrics"]}')
        connection.send('{"action":"ping"}')
        assert json.loads(connection.recv(timeout=20))[0]["type"] == "pong"
        done = verb(gateway.settings, "publish", "alerts", '{"title":"halt","level":1.50}')
        assert done.returncode == 0
        text = connection.recv(timeout=20)
        assert '"data":{"title":"halt","level":1.50}' in text
        assert verb(gateway.settings, "publish", "routing-metrics", '{"lp":"A"}', "--type", "fills").returncode == 0
        assert json.loads(connection.recv(timeout=20))[0]["type"] == "fills"
    first = done.stdout.strip()
    assert verb(gateway.settings, "publish", "news", '{"title":"open"}').returncode == 0
    headers = ["-H", f"Authorization: Bearer {token}", "-H", f"Last-Event-ID: {first}"]
    with subprocess.Popen(
        ["curl", "-sN", *headers, f"{gateway.rest}/api/events"], stdout=subprocess.PIPE, text=True
    ) as curl:
        assert curl.stdout is not None
        assert next(line for line in curl.stdout if line.startswith("data: ")) == 'data: {"title":"open"}\n'
        curl.kill()


def test_watch_piped_is_a_line_per_message(gateway: GatewayCommand, own_redis: RedisServer) -> None:
    with subprocess.Popen(
        [*COMMAND, "watch", "AAPL", "--seconds", "20"], env={**environment(gateway.settings), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        assert " snapshot AAPL price=" in watching.stdout.readline()
        trade(own_redis.url, ("AAPL", "188", "1"))
        line = watching.stdout.readline()
        assert "AAPL" in line
        assert "price=188" in line
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=10)
    assert watching.returncode == 0
    assert said == "2 messages, 0 gaps, 0 reconnects\n"


def test_watch_says_in_a_line_what_the_gateway_refused(gateway: GatewayCommand) -> None:
    done = verb(Settings(), "watch", "AAPL", "--url", gateway.websocket, "--token", "nonsense")
    assert done.returncode == 2
    assert "close code 4001" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(number: int, own_redis: RedisServer, tmp_path: Path) -> None:
    with running_gateway(tmp_path, own_redis.url) as gateway:
        assert gateway.addresses.is_open
        children = gateway.children()
        connection = client(gateway, "")
        gateway.process.send_signal(number)
        code, reason = close_code(connection)
        assert code == 1001
        assert reason.startswith("shutting down: reconnect in ")
        assert gateway.process.wait(20) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)
        events = {each["event"]: each for each in gateway.said()}
    assert "token_secret_missed" in events
    assert events["gateway_process_stopped"]["version"] == version("tapeflow")
    assert events["gateway_process_stopped"]["settings"]["log_format"] == "json"


def test_a_websocket_process_that_dies_takes_rest_with_it(own_redis: RedisServer, tmp_path: Path) -> None:
    with running_gateway(tmp_path, own_redis.url) as gateway:
        children = gateway.children()
        os.kill(children[0], signal.SIGKILL)
        assert gateway.process.wait(20) == 137
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)
        assert "gateway_process_ended" in [each["event"] for each in gateway.said()]


@pytest.mark.thorough
def test_rest_is_started_anew_and_nobody_on_a_websocket_notices(own_redis: RedisServer, tmp_path: Path) -> None:
    trade(own_redis.url, ("AAPL", "190", "1"))
    with running_gateway(tmp_path, own_redis.url) as gateway, client(gateway, "") as connection:
        connection.send(SUBSCRIBE)
        assert json.loads(connection.recv(timeout=20))["symbol"] == "AAPL"
        eventually(lambda: uptime_s(gateway) > LIVED_S, 30)
        websocket, rest = gateway.children()
        os.kill(rest, signal.SIGKILL)
        answers_again = f"{gateway.rest}/health"
        assert gateway.get(answers_again)["status"] == "ok"  # it waited in the queue for the new process
        assert gateway.children()[0] == websocket
        assert gateway.children()[1] != rest
        trade(own_redis.url, ("AAPL", "191", "1"))
        assert json.loads(connection.recv(timeout=20))["price"] == 191
        assert "gateway_process_restarted" in [each["event"] for each in gateway.said()]


def uptime_s(gateway: GatewayCommand) -> float:
    return float(gateway.get(f"{gateway.rest}/health")["uptimeS"])


def test_rest_that_ends_at_once_ends_all(own_redis: RedisServer, tmp_path: Path) -> None:
    with running_gateway(tmp_path, own_redis.url) as gateway:
        os.kill(gateway.children()[1], signal.SIGKILL)
        assert gateway.process.wait(20) == 137


def test_a_second_port_serves_the_same(own_redis: RedisServer, tmp_path: Path) -> None:
    trade(own_redis.url, ("AAPL", "190", "1"))
    with running_gateway(tmp_path, own_redis.url, gateway_rest_port=free_port()) as gateway:
        second = f"127.0.0.1:{gateway.settings.gateway_rest_port}"
        assert gateway.get(f"http://{second}/health")["status"] == "ok"
        with connect(f"ws://{second}/ws/prices", proxy=None) as connection:
            connection.send(SUBSCRIBE)
            assert json.loads(connection.recv(timeout=20))["symbol"] == "AAPL"


def test_nothing_is_left_when_all_of_it_is_killed(own_redis: RedisServer, tmp_path: Path) -> None:
    """A worker of the REST server once went on serving its port after kill -9 had taken the processes above it."""
    with running_gateway(tmp_path, own_redis.url) as gateway:
        port = f"TAPEFLOW_GATEWAY_PORT={gateway.settings.gateway_port}"
        for pid in (gateway.process.pid, *gateway.children()):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(port in text for text in environments()), 30)


def environments() -> Iterator[str]:
    """Of every process that still runs."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield path.read_bytes().decode(errors="replace")


def test_several_processes_share_the_port(own_redis: RedisServer, tmp_path: Path) -> None:
    with running_gateway(tmp_path, own_redis.url, "--processes", "2") as gateway:
        seen = set()

        def both() -> bool:
            with client(gateway, "", "/ws/quotes") as connection:
                seen.add(json.loads(connection.recv(timeout=20))["clientId"].split("-")[0])
            return len(seen) == 2

        eventually(both, 20)
        found = eventually(
            lambda: {each["gateway"] for each in gateway.get(f"{gateway.rest}/health/ws-stats")["gateways"]} >= seen, 30
        )
        assert found
        assert gateway.terminate() == 0


def test_each_of_several_processes_has_a_port_of_its_own(own_redis: RedisServer, tmp_path: Path) -> None:
    first = free_ports_in_a_row(2)
    own = [f"http://127.0.0.1:{first + number}" for number in range(2)]
    with running_gateway(tmp_path, own_redis.url, "--processes", "2", gateway_process_port=first) as gateway:
        eventually(lambda: all(answers(f"{each}/health") for each in own), 20)
        with client(gateway, "", "/ws/quotes") as connection:
            connection.recv(timeout=20)
            counts = [gateway.get(f"{each}/health/ws-stats")["connections"] for each in own]
        assert sorted(counts) == [0, 1]
        assert "tapeflow_ws_connections" in gateway.get(f"{own[1]}/metrics")


def test_tls_for_both_halves(own_redis: RedisServer, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    with running_gateway(tmp_path, own_redis.url, gateway_tls_cert=str(cert), gateway_tls_key=str(key)) as gateway:
        assert gateway.websocket.startswith("wss://")
        context = ssl.create_default_context(cafile=str(cert))
        with client(gateway, "", ssl=context) as connection:
            connection.send(SUBSCRIBE)
            assert json.loads(connection.recv(timeout=20))["symbol"] == "AAPL"
        curl = ["curl", "-s", "--cacert", str(cert), f"{gateway.rest}/api/prices/AAPL"]
        assert json.loads(subprocess.check_output(curl, timeout=10))["symbol"] == "AAPL"


class Impostor:
    """Answers HTTP where a Redis should be."""

    def __enter__(self) -> str:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._answer, daemon=True).start()
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_what_it_lacks_is_one_line_soon(own_redis: RedisServer, tmp_path: Path) -> None:
    with Impostor() as impostor:
        for url, said in (("redis://127.0.0.1:1/0", "Redis does not answer"), (impostor, "what answers is no Redis")):
            began = time.monotonic()
            done = verb(Settings(redis_url=url, gateway_port=0), "gateway")
            assert time.monotonic() - began < 10
            assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
            assert said in done.stderr


def test_a_redis_that_hangs_is_one_line_soon(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        server.pause()
        began = time.monotonic()
        done = verb(Settings(redis_url=server.url, gateway_port=0), "gateway")
        assert time.monotonic() - began < 10
        server.resume()
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gateway_token_secret": "short"}, "fewer than 32 bytes"),
        ({"gateway_tls_cert": "cert.pem"}, "TLS needs both files (TAPEFLOW_GATEWAY_TLS_KEY)"),
        ({"gateway_tls_cert": "/no/cert", "gateway_tls_key": "/no/key"}, "TLS files can't be used"),
        ({"gateway_port": 7, "gateway_rest_port": 7}, "a second port must be another one"),
        ({"gateway_token_algorithm": "RS256"}, "RS256 needs a key"),
    ],
)
def test_wrong_settings_are_one_line(changed: dict[str, Any], said: str, own_redis: RedisServer) -> None:
    done = verb(Settings(redis_url=own_redis.url, **{"gateway_port": 0, **changed}), "gateway")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr


def test_a_port_in_use_is_one_line(own_redis: RedisServer) -> None:
    settings = Settings(redis_url=own_redis.url, gateway_port=own_redis.port)
    done = verb(settings, "gateway")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "mend" not in done.stderr
    assert "set another TAPEFLOW_GATEWAY_PORT" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["token", "me"], "no key to sign tokens with"),
        (["publish", "nope", "{}"], "no channel or event type is called 'nope'"),
        (["publish", "news", "[1]"], "data is no JSON object"),
        (["publish", "news", '{"a":1}', "--type", "a b"], "message type 'a b'"),
        (["watch", "AAPL", "--url", "ws://127.0.0.1:1"], "no gateway answers"),
        (["watch"], "Missing argument 'symbols'"),
        (["gateway", "--processes", "0"], "--processes"),
    ],
)
def test_mistakes_of_the_other_verbs(
    words: list[str],
    said: str,
    own_redis: RedisServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", own_redis.url)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)


def test_publish_without_redis_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["publish", "news", '{"a":1}']) == 2
    assert "Redis does not answer" in capsys.readouterr().err


def test_published_data_may_come_from_standard_input(own_redis: RedisServer) -> None:
    done = subprocess.run(
        [*COMMAND, "publish", "news", "-"], input='{"title":"piped"}\n',
        env=environment(Settings(redis_url=own_redis.url)), capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.count("-") == 1
    assert done.stderr == ""
