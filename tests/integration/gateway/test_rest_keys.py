"""Keys from an address: tokens by a JWKS that changes."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from local.ports import free_port
from tests.integration.gateway.rest_server import Market, RestServer, eventually

pytestmark = pytest.mark.thorough


@pytest.fixture
def jwks() -> Iterator[tuple[str, dict[str, object]]]:
    """An address of keys, and the document that it serves, which tests change."""
    document: dict[str, object] = {"keys": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys", document
    server.shutdown()
    thread.join()
    server.server_close()


def test_keys_of_a_jwks_address_come_late_and_change(market: Market, tmp_path: Path, jwks) -> None:
    address, document = jwks
    keys = {kid: ed25519.Ed25519PrivateKey.generate() for kid in ("one", "two")}
    public = {
        kid: json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key())) | {"kid": kid}
        for kid, key in keys.items()
    }

    def token(kid: str) -> str:
        claims = {"userId": "u", "symbolicAccess": ["*"], "iat": int(time.time()), "exp": int(time.time()) + 60}
        return jwt.encode(claims, keys[kid], "EdDSA", headers={"kid": kid})

    chosen = {"gateway_token_algorithm": "EdDSA", "gateway_jwks_url": address, "gateway_token_secret": ""}
    with RestServer(tmp_path, **{**market.settings(), **chosen}) as server:
        ready = server.get("/health/ready", token="")
        assert (ready.status, ready.json()["dependencies"]["tokens"]["status"]) == (503, "down")
        assert server.get("/api/watchlists", token=token("one")).status == 401
        document["keys"] = [public["one"]]
        eventually(lambda: server.get("/api/watchlists", token=token("one")).status == 200, 20)
        assert server.get("/health/ready", token="").status == 200
        assert server.get("/api/watchlists", token=token("two")).status == 401
        document["keys"] = [public["two"]]
        eventually(lambda: server.get("/api/watchlists", token=token("two")).status == 200, 20)
        assert server.get("/api/watchlists", token=token("one")).status == 401
