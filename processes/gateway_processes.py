"""The gateway as one thing: WebSocket processes and REST processes behind one port, checked, started, stopped together.

``tapeflow gateway``, the demo and tests start it. The WebSocket processes accept; what isn't WebSocket goes to REST
through a queue that is made here (gateway.port.handover). What a user can mend (Redis, ports, TLS files, keys, open
files) is said in one line before any process starts. A REST process that ends by itself is started anew, and nobody on
a WebSocket notices. A WebSocket process that ends takes the others with it, drained, so that the command's supervisor
starts all of it again. A port of 0 is chosen here, because several processes can't be asked which one they took.
"""

import os
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Final, Self

import structlog
from prometheus_client.multiprocess import mark_process_dead

from gateway.access.auth import OpenAuthorizer, make_authorizer
from gateway.access.hosts import is_loopback
from gateway.access.login import make_login
from gateway.port.handover import open_queue
from gateway.port.open_files import clients_that_fit
from local.ports import listenable
from processes.runner import worker_environment
from processes.workers import exit_code, said_code, start_worker
from runtime.settings.whole import Settings
from schemas.errors import SettingError, Unreachable
from sinks.redis.connection import connect as connect_redis

__all__ = ["Addresses", "GatewayProcesses", "answers", "prepare_gateway", "run_gateway"]

ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound
LISTENING: Final = "0A"
"""The state of a socket in the kernel's table."""
LOOK_S: Final = 0.1
PROBE_S: Final = 2.0
START_S: Final = 60.0
LIVED_S: Final = 10.0
"""A REST process that ends sooner would end again."""
BEYOND_DRAIN_S: Final = 10.0
"""After the clients' time to leave: sockets close, REST ends its last answers."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where clients on this machine go. ``is_open``: no token is asked for."""

    websocket: str
    rest: str
    is_open: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        host = bound_host(settings)
        host = "127.0.0.1" if host in ANYWHERE else host
        shown, secure = f"[{host}]" if ":" in host else host, "s" if settings.gateway_tls_cert else ""
        place = f"{secure}://{shown}:{settings.gateway_port}"
        return cls(
            f"ws{place}",
            f"http{place}",
            isinstance(make_authorizer(settings), OpenAuthorizer),
        )

    def pasted(self, symbol: str) -> list[str]:
        """Lines that work when pasted into a shell on this machine."""
        subscribe, path = f'{{"type":"subscribe","symbols":["{symbol}"]}}', symbol.replace("/", "%2F")
        token, header = ("", "") if self.is_open else ("?token=$TOKEN", '-H "Authorization: Bearer $TOKEN" ')
        return [
            *(() if self.is_open else ("TOKEN=$(tapeflow token me)",)),
            f"echo '{subscribe}' | websocat -n \"{self.websocket}/ws/prices{token}\"",
            f"curl {header}{self.rest}/api/prices/{path}",
            f"curl {header}'{self.rest}/api/ohlc/{path}?timeframe=1m&limit=5'",
            f"curl -N {header}{self.rest}/api/events",
            f"curl {self.rest}/health/ws-stats   # and {self.rest}/docs in a browser",
        ]

    @property
    def page(self) -> str:
        """What people open: the dashboard."""
        return self.rest + "/"

    @property
    def health_page(self) -> str:
        """What answers there has passed through both halves."""
        return self.rest + "/health"


def bound_host(settings: Settings) -> str:
    """The address that the halves will bind (they say so in their logs): loopback where no token is asked for."""
    is_open = isinstance(make_authorizer(settings), OpenAuthorizer)
    return "127.0.0.1" if is_open and not is_loopback(settings.gateway_host) else settings.gateway_host


def prepare_gateway(settings: Settings) -> Settings:
    """The settings with real ports, after everything was looked at.

    Raises SettingError for keys, TLS files and ports that can't be used, Unreachable when Redis doesn't answer.
    """
    check_tls(settings.gateway_tls_cert, settings.gateway_tls_key)
    make_login(settings)
    found = {"gateway_port": checked_port(settings, "gateway_port")}
    if settings.gateway_rest_port:
        found["gateway_rest_port"] = checked_port(settings, "gateway_rest_port")
    if found["gateway_port"] == found.get("gateway_rest_port"):
        raise SettingError(
            "a second port must be another one", where="TAPEFLOW_GATEWAY_REST_PORT", mend="unset it: one serves all"
        )
    connect_redis(settings.redis_url).close()
    found |= {name: checked_clients(settings, name) for name in ("gateway_clients_max", "gateway_sse_clients_max")}
    return settings.model_copy(update=found)


def checked_clients(settings: Settings, name: str) -> int:
    """As many of them as a process may have open files for; raises SettingError when a number that was set is more."""
    asked, variable = getattr(settings, name), f"TAPEFLOW_{name.upper()}"
    named = asked != type(settings).model_fields[name].default
    fit = clients_that_fit(asked, named=named, setting=variable)
    if fit < asked:
        structlog.get_logger().warning("clients_lowered", setting=variable, default=asked, fit=fit, limit="ulimit -Hn")
    return fit


def check_tls(cert: str, key: str) -> None:
    if not cert and not key:
        return
    if not cert or not key:
        missing = "CERT" if not cert else "KEY"
        raise SettingError(
            "TLS needs both files", where=f"TAPEFLOW_GATEWAY_TLS_{missing}", mend="set the certificate and the key"
        )
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"TLS files can't be used: {error}", where=f"{cert}, {key}") from None


def checked_port(settings: Settings, name: str) -> int:
    """The port, or a free one for 0; raises SettingError when it can't be had."""
    host, port = bound_host(settings), getattr(settings, name)
    try:
        return listenable(host, port)
    except OSError as error:
        raise SettingError(
            f"can't listen: {error.strerror or error}",
            where=f"{host}:{port}",
            mend=f"set another TAPEFLOW_{name.upper()}",
        ) from None


class GatewayProcesses:
    """``settings`` come from prepare_gateway. ``websockets``: processes that share the WebSocket port, one per core."""

    def __init__(self, settings: Settings, websockets: int = 1, log: IO[bytes] | None = None) -> None:
        self._settings = settings
        self._shared = ("--share-port",) if websockets > 1 else ()
        self._halves = ("websocket",) * websockets + ("rest",) * settings.gateway_rest_workers
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []
        self._started_s: list[float] = []
        self._giving, self._taking = open_queue()
        self._figures = tempfile.TemporaryDirectory(prefix="tapeflow-gateway-")
        self.addresses = Addresses.of(settings)

    def start(self) -> None:
        for number in range(len(self._halves)):
            self._workers.append(self._started(number))
            self._started_s.append(time.monotonic())

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        own_port, half = self._settings.gateway_process_port, self._halves[number]
        update = {"gateway_process_port": own_port + number} if own_port else {}
        settings = self._settings.model_copy(update=update)
        end = self._giving if half == "websocket" else self._taking
        environment = {**worker_environment(settings), "PROMETHEUS_MULTIPROC_DIR": self._figures.name}
        command = ["processes.gateway_worker", *self._shared, half]
        return start_worker(command, environment, self._log, queue=end.fileno())

    def tend(self) -> int | None:
        """Starts a REST process anew that had served for a while; the worst exit code of others that ended, else None.

        To be called again and again.
        """
        codes = []
        for number, worker in enumerate(self._workers):
            code = worker.poll()
            if code is None:
                continue
            lived_s = time.monotonic() - self._started_s[number]
            if self._halves[number] != "rest" or lived_s < LIVED_S:
                codes.append(exit_code(code))
                continue
            ended = f"rest (pid {worker.pid}) {said_code(code)}"
            structlog.get_logger().error("gateway_process_restarted", ended=ended, lived_s=round(lived_s))
            mark_process_dead(worker.pid, self._figures.name)  # type: ignore[no-untyped-call]
            self._workers[number] = self._started(number)
            self._started_s[number] = time.monotonic()
        return max(codes) if codes else None

    @property
    def pids(self) -> list[int]:
        """WebSocket processes first, REST processes after them."""
        return [worker.pid for worker in self._workers]

    @property
    def running(self) -> bool:
        return any(worker.poll() is None for worker in self._workers)

    @property
    def stop_s(self) -> float:
        """The longest that a graceful stop may take."""
        return self._settings.gateway_drain_ms / 1000 + BEYOND_DRAIN_S

    def poll(self) -> int | None:
        """None while all run, else the worst exit code so far."""
        codes = [exit_code(code) for worker in self._workers if (code := worker.poll()) is not None]
        return max(codes) if codes else None

    def ends(self) -> list[str]:
        """How those that have ended did: which half, its pid, and its exit code or signal."""
        ended = ((half, worker) for half, worker in zip(self._halves, self._workers, strict=True) if worker.poll())
        return [f"{half} (pid {worker.pid}) {said_code(worker.returncode)}" for half, worker in ended]

    def wait_ready(self, within_s: float = START_S) -> None:
        """Until both halves answer. Raises Unreachable when one doesn't in time or ends.

        Another gateway may answer in our place, so our own processes have to hold the port.
        """
        deadline, port, url = time.monotonic() + within_s, self._settings.gateway_port, self.addresses.health_page
        accepting = [pid for pid, half in zip(self.pids, self._halves, strict=True) if half == "websocket"]
        while not (all(listens(pid, port) for pid in accepting) and answers(url)):
            if self.poll() is not None:
                raise Unreachable("the gateway ended while starting", where=url, mend="see its log")
            if time.monotonic() > deadline:
                raise Unreachable(f"the gateway did not answer within {within_s:g} s", where=url)
            time.sleep(LOOK_S)

    def ask_to_stop(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)

    def wait(self, within_s: float | None = None) -> int:
        """The worst exit code; kills what hasn't ended in time (None: the drain's time and some)."""
        within_s = self.stop_s if within_s is None else within_s
        deadline, codes = time.monotonic() + within_s, [0]
        for half, worker in zip(self._halves, self._workers, strict=True):
            try:
                codes.append(exit_code(worker.wait(max(deadline - time.monotonic(), 0.1))))
            except subprocess.TimeoutExpired:
                structlog.get_logger().error("gateway_process_killed", half=half, pid=worker.pid, waited_s=within_s)
                worker.kill()
                worker.wait()
                codes.append(128 + signal.SIGKILL)
        self._giving.close()
        self._taking.close()
        self._figures.cleanup()
        return max(codes)

    def stop(self) -> int:
        """Drain and end; 0 when every process did."""
        self.ask_to_stop()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL to what is left, without a drain."""
        for worker in self._workers:
            worker.kill()
        self.wait()


def answers(url: str) -> bool:
    """Something serves HTTP there; who it is, TLS or not, is not checked."""
    context = ssl._create_unverified_context() if url.startswith("https") else None  # noqa: S323, SLF001 - our own port
    try:
        with urllib.request.urlopen(url, timeout=PROBE_S, context=context) as answer:  # noqa: S310 - an address of ours
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def listens(pid: int, port: int) -> bool:
    """The process itself holds a socket that listens on the port; taken for granted where only Linux could tell."""
    if not Path("/proc/self/net/tcp").exists():
        return True
    try:
        tables = [path for path in (Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")) if path.exists()]
        rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
        held = {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:  # it has ended, or just closed a file: asked again
        return False
    return any(
        row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port and f"socket:[{row[9]}]" in held
        for row in rows
    )


def run_gateway(settings: Settings, websockets: int, announce: Callable[[Addresses], None]) -> int:
    """Serve in the foreground until a signal drains it (a second one kills); ``announce`` is called when it answers."""
    gateway = GatewayProcesses(prepare_gateway(settings), websockets)
    asked = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    gateway.start()
    waiting = True
    try:
        ended = None
        while not asked and (ended := gateway.tend()) is None:
            if waiting and answers(gateway.addresses.health_page):
                waiting = False
                announce(gateway.addresses)
            signal.sigtimedwait([signal.SIGCHLD], LOOK_S)
        failed = 0 if asked else max(ended or 0, 1)
        if failed:
            structlog.get_logger().error("gateway_process_ended", exit_code=failed, ended=gateway.ends())
        gateway.ask_to_stop()
        deadline = time.monotonic() + gateway.stop_s
        while gateway.running and asked < 2 and time.monotonic() < deadline:
            signal.sigtimedwait([signal.SIGCHLD], LOOK_S)
        return max(failed, gateway.wait(0))
    finally:
        gateway.kill()
