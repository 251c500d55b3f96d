"""Keys from files and addresses: TLS by certificate, tokens by a JWKS that changes."""

import datetime
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from local.ports import free_port
from runtime.settings.whole import Settings
from schemas.errors import SettingError
from tests.integration.gateway.rest_server import Market, RestServer, eventually


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


class TlsServer(RestServer):
    """Answers are asked over TLS, the certificate verified."""

    def _answers(self) -> bool:
        try:
            return self.status("/health") == 200
        except OSError:
            return False

    def status(self, path: str) -> int:
        trusted = ssl.create_default_context(cafile=self.settings.gateway_tls_cert)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=trusted)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {self.token()}"})
            return connection.getresponse().status
        finally:
            connection.close()


def test_tls_by_files(market: Market, tmp_path: Path) -> None:
    cert_file, key_file = certificate(tmp_path)
    tls = {"gateway_tls_cert": str(cert_file), "gateway_tls_key": str(key_file)}
    with TlsServer(tmp_path, **market.settings(), **tls) as server:
        assert server.status("/api/watchlists") == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            server.get("/health")  # in the clear


@pytest.mark.parametrize(
    "given", [{"gateway_tls_cert": "/nowhere.pem", "gateway_tls_key": "/nowhere"}, {"gateway_tls_cert": "x"}]
)
def test_unreadable_tls_files_are_one_line(given: dict[str, str]) -> None:
    from gateway.rest.app import serve_rest

    with pytest.raises(SettingError, match="TAPEFLOW_GATEWAY_TLS"):
        serve_rest(Settings(**given))


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
    thread = threading.Thread(target=server.serve_forever)
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
