"""A server of logins for tests: OpenID Connect as far as a registry needs it, with tokens that are really signed.

It serves its configuration, its public key and ``/token``, which gives a token to a client that shows its secret
(client_credentials of RFC 6749, by form or basic authentication).
"""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["OidcIssuer"]

KEY_BITS: Final = 2048
KID: Final = "of-this-run"
LIFE_S: Final = 300


class OidcIssuer:
    """A context manager. ``clients``: id -> secret; ``given`` counts tokens by client."""

    def __init__(self, clients: dict[str, str]) -> None:
        self._clients = clients
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self.given: dict[str, int] = {}
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.answer(self, {"/.well-known/openid-configuration": issuer.configuration,
                                     "/keys": issuer.keys}.get(self.path))  # fmt: skip

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                login = self.headers.get("Authorization", "").removeprefix("Basic ")
                shown = base64.b64decode(login).decode().partition(":")[::2] if login else None
                issuer.hand_out(self, *(shown or (form["client_id"][0], form["client_secret"][0])))

            def log_message(self, *_words: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None,
                 _where: TracebackType | None) -> None:  # fmt: skip
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url, "jwks_uri": f"{self.url}/keys", "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip

    @property
    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KID, "use": "sig", "alg": "RS256"}]}

    def token(self, client: str, life_s: int = LIFE_S) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "sub": client, "azp": client, "aud": "registry-api", "iat": now, "exp": now + life_s}
        return jwt.encode(claims, self._key, "RS256", {"kid": KID})

    def hand_out(self, request: BaseHTTPRequestHandler, client: str, secret: str) -> None:
        if self._clients.get(client) != secret:
            self.answer(request, {"error": "invalid_client"}, 401)
            return
        self.given[client] = self.given.get(client, 0) + 1
        token = {"access_token": self.token(client), "token_type": "Bearer", "expires_in": LIFE_S}
        self.answer(request, token)

    @staticmethod
    def answer(request: BaseHTTPRequestHandler, document: dict[str, Any] | None, status: int = 200) -> None:
        body = json.dumps(document or {"error": "not_found"}).encode()
        request.send_response(status if document else 404)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
