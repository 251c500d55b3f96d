"""A small Schema Registry for tests: the four calls that we make, over real HTTP, in a thread of the test's process.

It answers as Confluent's does (status codes, error bodies, basic auth). ``down`` and ``requests`` let a test cut it off
and count what was asked; ``web`` makes it any web server that answers everything with that status, and ``bearer`` one
that wants a token. With ``tls`` it speaks TLS and asks each client for a certificate.
"""

import base64
import contextlib
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

__all__ = ["RegistryServer"]


class RegistryServer:
    """A registry on a free port; a context manager. ``login`` is ``user:password`` or empty."""

    def __init__(self, login: str = "", bearer: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.login = login
        self.bearer = bearer
        self.down = False
        self.web = 0
        self.web_body = b""
        self.requests: list[str] = []
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, list[int]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, subject: str, body: dict[str, Any], schema_id: int = 0) -> int:
        """Registers ``body`` (schema, schemaType, references) and gives its id: the same for the same body."""
        for known, each in self.schemas.items():
            if each == body and known in self.subjects.get(subject, []):
                return known
        schema_id = schema_id or max(self.schemas, default=99) + 1
        self.schemas[schema_id] = body
        self.subjects.setdefault(subject, []).append(schema_id)
        return schema_id

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if found := re.fullmatch(r"/schemas/ids/(\d+)", path):
            schema = self.schemas.get(int(found[1]))
            return (200, schema) if schema else (404, {"error_code": 40403, "message": "Schema not found"})
        if path == "/schemas/types":
            return 200, ["AVRO", "JSON", "PROTOBUF"]
        if path == "/subjects":
            return 200, sorted(self.subjects)
        found = re.fullmatch(r"/subjects/([^/]+)/versions(?:/(\w+))?", path)
        if not found:
            return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        subject, version = unquote(found[1]), found[2]
        if method == "POST":
            try:
                json.loads(body["schema"])
            except ValueError:
                return 422, {"error_code": 42201, "message": "Invalid schema"}
            return 200, {"id": self.add(subject, body)}
        ids = self.subjects.get(subject, [])
        number = len(ids) if version == "latest" else int(version or 0)
        if not 1 <= number <= len(ids):
            return 404, {"error_code": 40401, "message": "Subject not found"}
        schema_id = ids[number - 1]
        return 200, {"subject": subject, "version": number, "id": schema_id, **self.schemas[schema_id]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                path = self.path.partition("?")[0]
                registry.requests.append(f"{self.command} {path}")
                length = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(length)
                body = json.loads(sent) if "json" in self.headers.get("Content-Type", "") else {}
                login = "Basic " + base64.b64encode(registry.login.encode()).decode() if registry.login else ""
                wanted = login or (registry.bearer and f"Bearer {registry.bearer}")
                answer: Any
                if registry.web:
                    status, answer = registry.web, {"status": registry.web, "message": "HTTP 404 Not Found"}
                elif registry.down:
                    status, answer = 503, {"error_code": 50302, "message": "no master"}
                elif wanted and self.headers.get("Authorization") != wanted:
                    status, answer = 401, {"error_code": 401, "message": "Unauthorized"}
                else:
                    status, answer = registry.answer(self.command, path, body)
                data = (registry.web and registry.web_body) or json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _reply  # noqa: N815 - the names that BaseHTTPRequestHandler looks for

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # a client that our TLS refuses, or that left
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
                """Quiet: the test says what was asked."""

        return Handler
