"""Tokens: what is let in, and every way that must not be."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from structlog.testing import capture_logs

from gateway.access import auth
from gateway.access.auth import (
    OpenAuthorizer,
    TokenAuthorizer,
    listen_host,
    make_authorizer,
    make_token,
)
from gateway.access.principal import TokenRefused
from runtime.settings.whole import Settings
from schemas.errors import SettingError

SECRET = "s" * 48


def pems(key) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture(scope="module")
def rsa_pems() -> tuple[str, str]:
    return pems(rsa.generate_private_key(65537, 2048))


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    base = {"userId": "u1", "symbolicAccess": ["BTC/*"], "role": "trader", "iat": now, "exp": now + 60}
    return {name: value for name, value in {**base, **changed}.items() if value is not None}


def hs(**settings: object) -> TokenAuthorizer:
    authorizer = make_authorizer(Settings(gateway_token_secret=SECRET, **settings))
    assert isinstance(authorizer, TokenAuthorizer)
    return authorizer


def test_made_token_is_verified_with_its_rights() -> None:
    settings = Settings(gateway_token_secret=SECRET, gateway_channel_roles={"alerts": ("trader",)})
    token = make_token(settings, "u1", symbols=("BTC/*", "AAPL"), role="viewer", permissions=("read",))
    found = make_authorizer(settings).verify(token)
    assert (found.user_id, found.role, found.permissions) == ("u1", "viewer", frozenset({"read"}))
    assert found.may_see("BTC/USDT")
    assert found.may_see("AAPL")
    assert not found.may_see("ETH/USDT")
    assert not found.may_join("alerts")
    assert not found.may_join("exposure-updates"), "closed unless a role is named"
    assert found.may_join("routing-metrics")
    trader = make_authorizer(settings).verify(make_token(settings, "u2", role="trader"))
    assert trader.may_join("alerts")
    assert not trader.may_join("exposure-updates")


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_public_key_algorithms(algorithm: str) -> None:
    key = rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ed25519.Ed25519PrivateKey.generate()
    private, public = pems(key)
    settings = Settings(
        gateway_token_algorithm=algorithm, gateway_token_private_key=private, gateway_token_public_key=public
    )
    assert make_authorizer(settings).verify(make_token(settings, "u2")).user_id == "u2"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"exp": 1000}, "expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"iat": None}, "lacks the claim iat"),
        ({"userId": None}, "lacks the claim userId"),
        ({"userId": ""}, "userId"),
        ({"userId": {"a": 1}}, "userId"),
        ({"symbolicAccess": "*"}, "wrong type"),
        ({"permissions": [1]}, "wrong type"),
        ({"role": ["admin"]}, "wrong type"),
    ],
)
def test_bad_claims_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(TokenRefused, match=words):
        hs().verify(jwt.encode(claims(**changed), SECRET, "HS256"))


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "é.é.é", "a" * 9000, "...", "e30.e30."])
def test_garbage_is_refused(token: str | None) -> None:
    with pytest.raises(TokenRefused):
        hs().verify(token)


def test_unsigned_and_foreign_signatures_are_refused() -> None:
    for token in (
        jwt.encode(claims(), None, "none"),
        jwt.encode(claims(), "t" * 32, "HS256"),
        jwt.encode(claims(), SECRET, "HS384"),
    ):
        with pytest.raises(TokenRefused):
            hs().verify(token)


def test_public_key_taken_as_secret_is_refused(rsa_pems: tuple[str, str]) -> None:
    """Algorithm confusion: a token signed by HMAC with the public key, which everyone has."""
    import base64
    import hashlib
    import hmac

    _, public = rsa_pems
    authorizer = make_authorizer(Settings(gateway_token_algorithm="RS256", gateway_token_public_key=public))

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    for algorithm in ("HS256", "RS256", "none"):
        signed = part({"alg": algorithm, "typ": "JWT"}) + b"." + part(claims())
        mac = base64.urlsafe_b64encode(hmac.digest(public.encode(), signed, hashlib.sha256)).rstrip(b"=")
        with pytest.raises(TokenRefused):
            authorizer.verify((signed + b"." + mac).decode())


def test_a_token_expires_also_while_it_is_remembered() -> None:
    now = time.time()
    clock = [now]
    authorizer = TokenAuthorizer("HS256", {"": SECRET}, {}, clock=lambda: clock[0])
    token = jwt.encode(claims(), SECRET, "HS256")
    assert authorizer.verify(token) is authorizer.verify(token)
    clock[0] = now + 61
    with pytest.raises(TokenRefused, match="expired"):
        authorizer.verify(token)


def test_jwks_keys_by_kid_and_only_of_the_algorithm(rsa_pems: tuple[str, str]) -> None:
    private, public = rsa_pems
    key = jwt.get_algorithm_by_name("RS256").prepare_key(public)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)) | {"kid": "k1", "use": "sig"}
    authorizer = TokenAuthorizer("RS256", {}, {}, jwks_url="http://keys.example")
    assert not authorizer.ready
    with pytest.raises(TokenRefused, match="not known"):
        authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "k1"}))
    with pytest.raises(ValueError, match="no RS256 key"):
        authorizer.take_jwks({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]})
    authorizer.take_jwks({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"}, jwk]})
    assert authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "k1"})).user_id == "u1"
    with pytest.raises(TokenRefused):
        authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "other"}))


def jwk_of(public: str, **changed: object) -> dict[str, Any]:
    key = jwt.get_algorithm_by_name("RS256").prepare_key(public)
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)), "kid": "k1", **changed}


ODD = [None, 5, [], {}, "", "é", "AQ", "A" * 10_000]


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"keys": None}, {"keys": 5}, {"keys": {"a": 1}}])
def test_a_jwks_document_of_odd_types_has_no_key(document: object) -> None:
    with pytest.raises(ValueError, match="no RS256 key"):
        TokenAuthorizer("RS256", {}, {}).take_jwks(document)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("member", ["n", "e", "d", "kid", "kty", "use", "alg"])
def test_an_odd_key_leaves_the_good_one(rsa_pems: tuple[str, str], member: str, odd: object) -> None:
    private, public = rsa_pems
    authorizer = TokenAuthorizer("RS256", {}, {})
    odd_one = {**jwk_of(public), "kid": "k2", member: odd}
    authorizer.take_jwks({"keys": [odd_one, None, 5, [], jwk_of(public)]})
    assert authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "k1"})).user_id == "u1"


def test_a_private_key_in_a_jwks_verifies_by_its_public_half(rsa_pems: tuple[str, str]) -> None:
    private, _ = rsa_pems
    key = jwt.get_algorithm_by_name("RS256").prepare_key(private)
    entry = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)) | {"kid": "k1"}
    assert "d" in entry
    authorizer = TokenAuthorizer("RS256", {}, {})
    authorizer.take_jwks({"keys": [entry]})
    assert authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "k1"})).user_id == "u1"


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


def test_keys_are_fetched_again_whatever_the_server_answered(
    rsa_pems: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer in turn from a real socket; one warning each, and the good one at the end is taken."""
    private, public = rsa_pems

    def body(text: bytes) -> bytes:
        return HEAD + b"Content-Length: %d\r\n\r\n" % len(text) + text

    bad = [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n{",
        HEAD + b"Content-Length: 99\r\n\r\n{",
        b"HTTP/1.1 500 no\r\n\r\n",
        b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:0x/\r\n\r\n",
        b"HTTP/1.1 302 x\r\nLocation: http://[\r\n\r\n",
        body(b"\xff"),
        body(b"[" * 200_000),
        body(b"1" * 5000),
        body(b'{"keys": 5}'),
        body(json.dumps({"keys": [jwk_of(public, n=5), jwk_of(public, e=None)]}).encode()),
    ]
    answers: Iterator[bytes] = iter([*bad, body(json.dumps({"keys": [jwk_of(public)]}).encode())])
    monkeypatch.setattr(auth, "REFRESH_S_MIN", 0.0)
    monkeypatch.setenv("no_proxy", "*")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        await writer.drain()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        authorizer = TokenAuthorizer("RS256", {}, {}, jwks_url=url)
        keeping = asyncio.create_task(authorizer.keep_keys())
        async with asyncio.timeout(30):
            while not authorizer.ready:
                assert not keeping.done(), keeping
                await asyncio.sleep(0.01)
        assert authorizer.verify(jwt.encode(claims(), private, "RS256", headers={"kid": "k1"})).user_id == "u1"
        keeping.cancel()
        server.close()

    with capture_logs() as lines:
        asyncio.run(story())
    assert [line["event"] for line in lines if line["event"] == "jwks_fetch_failed"] == ["jwks_fetch_failed"] * len(bad)


@pytest.mark.parametrize("kid", ["main", None])
def test_a_token_ends_with_the_key_that_was_replaced_under_its_kid(kid: str | None) -> None:
    old, new = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()

    def document(key: ed25519.Ed25519PrivateKey) -> dict[str, object]:
        entry = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key()))["x"],
        }
        return {"keys": [entry if kid is None else {**entry, "kid": kid}]}

    authorizer = TokenAuthorizer("EdDSA", {}, {}, jwks_url="http://keys.example")
    authorizer.take_jwks(document(old))
    token = jwt.encode(claims(), old, "EdDSA", headers={"kid": kid} if kid else None)
    assert authorizer.verify(token).user_id == "u1"
    authorizer.take_jwks(document(old))
    assert authorizer.verify(token).user_id == "u1"
    authorizer.take_jwks(document(new))
    with pytest.raises(TokenRefused):
        authorizer.verify(token)


def test_settings_that_would_be_unsafe_are_refused() -> None:
    with pytest.raises(SettingError, match="fewer than 32 bytes"):
        make_authorizer(Settings(gateway_token_secret="short"))
    with pytest.raises(SettingError, match="needs a key"):
        make_authorizer(Settings(gateway_token_algorithm="EdDSA"))
    with pytest.raises(SettingError, match="do not fit HS256"):
        make_authorizer(Settings(gateway_jwks_url="https://keys.example"))
    with pytest.raises(SettingError, match="no PEM"):
        make_authorizer(Settings(gateway_token_algorithm="RS256", gateway_token_public_key="/nowhere.pem"))
    with pytest.raises(SettingError, match="no key to sign"):
        make_token(Settings(), "u1")


def test_without_a_secret_only_loopback_is_bound() -> None:
    settings = Settings(gateway_host="0.0.0.0")
    authorizer = make_authorizer(settings)
    assert isinstance(authorizer, OpenAuthorizer)
    with capture_logs() as lines:
        assert listen_host(settings, authorizer) == "127.0.0.1"
    assert [line["bound"] for line in lines] == ["127.0.0.1"]
    assert listen_host(Settings(gateway_host="::1"), authorizer) == "::1"
    assert listen_host(settings, hs()) == "0.0.0.0"
