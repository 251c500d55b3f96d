"""Tokens: made for development, verified for every client, one algorithm only.

Settings fix the algorithm and say where keys come from (a secret, a PEM, a JWKS address); this module turns a token
into a Principal for REST, SSE and WebSocket alike. Nothing in a token chooses how it is verified. A token without an
end (exp) is refused. ``verify`` never blocks: ``keep_keys`` fetches the keys of a JWKS address ahead of need. An
unknown kid asks it for a fresh copy, at most every few seconds. No answer of that address ends ``keep_keys``. Without
any key the gateway is open, so ``listen_host`` keeps it on loopback and says so.
"""

import asyncio
import http.client
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.access.hosts import is_loopback
from gateway.access.jwks import download_jwks
from gateway.access.principal import Authorizer, Principal, TokenRefused
from runtime.settings.gateway import GatewaySettings
from schemas.channels import CHANNELS, CLOSED
from schemas.errors import SettingError

__all__ = [
    "SHARED_SECRET",
    "OpenAuthorizer",
    "TokenAuthorizer",
    "listen_host",
    "make_authorizer",
    "make_token",
]

SECRET_BYTES_MIN: Final = 32  # RFC 7518 §3.2: as long as the hash
TOKEN_CHARS_MAX: Final = 8192
KNOWN_TOKENS_MAX: Final = 10_000
REFRESH_S: Final = 600.0
REFRESH_S_MIN: Final = 5.0
SHARED_SECRET: Final = ("HS256",)
ANYBODY: Final = Principal("anonymous", ("*",), "", frozenset(CHANNELS))
KEY_TYPE: Final = {"RS256": "RSA", "EdDSA": "OKP"}
KEY_PUBLIC: Final = ("kty", "crv", "x", "n", "e")
log = structlog.get_logger(__name__)


class OpenAuthorizer:
    """No key is set: whoever reaches loopback may see everything."""

    open = True

    def verify(self, token: str | None) -> Principal:  # noqa: ARG002 - the protocol's shape
        return ANYBODY


class TokenAuthorizer:
    """Verifies tokens of one algorithm. ``keys`` maps kid to key; the kid "" is the key of tokens that name none."""

    open = False

    def __init__(
        self,
        algorithm: str,
        keys: Mapping[str, Any],
        channel_roles: Mapping[str, tuple[str, ...]],
        *,
        jwks_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._algorithm = algorithm
        self._keys = dict(keys)
        self._channel_roles = channel_roles
        self._jwks_url = jwks_url
        self._clock = clock
        self._known: OrderedDict[str, Principal] = OrderedDict()
        self._wanted = asyncio.Event()

    def verify(self, token: str | None) -> Principal:
        if not token:
            raise TokenRefused("A token is needed: Authorization: Bearer, or ?token=")
        known = self._known.get(token)
        if known is not None:
            if known.exp is not None and known.exp > self._clock():
                return known
            del self._known[token]
            raise TokenRefused("The token has expired")
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenRefused("The token is too long")
        principal = self._principal(self._claims(token))
        self._known[token] = principal
        if len(self._known) > KNOWN_TOKENS_MAX:
            self._known.popitem(last=False)
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != self._algorithm:
                raise TokenRefused(f"Tokens must be signed with {self._algorithm}")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(str(header.get("kid") or "")),
                algorithms=[self._algorithm],
                options={"require": ["exp", "iat", "userId"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("The token has expired") from None
        except jwt.MissingRequiredClaimError as error:
            raise TokenRefused(f"The token lacks the claim {error.claim}") from None
        except jwt.PyJWTError:
            raise TokenRefused("The token is not valid") from None
        return claims

    def _key(self, kid: str) -> Any:
        key = self._keys.get(kid) or self._keys.get("")
        if key is None and not kid and len(self._keys) == 1:
            key = next(iter(self._keys.values()))
        if key is None:
            self._wanted.set()
            raise TokenRefused("The token names a key that is not known (yet)")
        return key

    def _principal(self, claims: dict[str, Any]) -> Principal:
        user_id, role = claims["userId"], claims.get("role", "")
        symbols, permissions = claims.get("symbolicAccess", []), claims.get("permissions", [])
        if not isinstance(user_id, str | int) or isinstance(user_id, bool) or not 0 < len(str(user_id)) <= 128:
            raise TokenRefused("The token's userId is not a short text")
        if not isinstance(role, str) or not _is_texts(symbols) or not _is_texts(permissions):
            raise TokenRefused("The token's role, symbolicAccess or permissions have the wrong type")
        unnamed = {name: () if name in CLOSED else (role,) for name in CHANNELS}
        channels = (name for name in CHANNELS if role in self._channel_roles.get(name, unnamed[name]))
        return Principal(
            str(user_id),
            tuple(symbols),
            role,
            frozenset(channels),
            float(claims["exp"]),
            str(claims.get("username", ""))[:128],
            frozenset(permissions),
        )

    @property
    def ready(self) -> bool:
        """False while the keys of a JWKS address have not been fetched."""
        return bool(self._keys)

    async def keep_keys(self) -> None:
        """Fetches the JWKS now, every ten minutes, and when an unknown kid came. Returns at once without an address."""
        while self._jwks_url:
            self._wanted.clear()
            try:
                self.take_jwks(await asyncio.to_thread(download_jwks, self._jwks_url))
            except (OSError, ValueError, http.client.HTTPException) as error:
                log.warning("jwks_fetch_failed", url=self._jwks_url, error=str(error), keys=len(self._keys))
            await asyncio.sleep(REFRESH_S_MIN)
            try:
                async with asyncio.timeout(REFRESH_S if self._keys else 0):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    def take_jwks(self, document: object) -> None:
        """Replaces the keys by those of a JWKS document that fit the algorithm; raises ValueError where it has none."""
        entries = document.get("keys") if isinstance(document, dict) else None
        keys: dict[str, Any] = {}
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict) or entry.get("kty") != KEY_TYPE.get(self._algorithm):
                continue
            if entry.get("use", "sig") != "sig" or entry.get("alg", self._algorithm) != self._algorithm:
                continue
            # A private key verifies nothing, and PyJWT may raise anything on members that are no text.
            public = {name: entry[name] for name in KEY_PUBLIC if isinstance(entry.get(name), str)}
            try:
                keys[str(entry.get("kid", ""))] = jwt.PyJWK(public, algorithm=self._algorithm).key
            except (ValueError, jwt.PyJWTError):
                log.warning("jwks_key_refused", kid=entry.get("kid"))
        if not keys:
            raise ValueError(f"no {self._algorithm} key in the JWKS document")
        if not _same_keys(keys, self._keys):
            # A token that the old keys verified may be of a key that was replaced under the same kid.
            self._known.clear()
        self._keys = keys


def make_authorizer(settings: GatewaySettings) -> OpenAuthorizer | TokenAuthorizer:
    """The authorizer that the settings ask for; raises SettingError on a weak secret or an unreadable key."""
    algorithm, roles = settings.gateway_token_algorithm, settings.gateway_channel_roles
    if algorithm in SHARED_SECRET:
        if settings.gateway_jwks_url or settings.gateway_token_public_key:
            raise SettingError(
                "public keys do not fit HS256",
                where="TAPEFLOW_GATEWAY_TOKEN_ALGORITHM",
                mend="set it to RS256 or EdDSA",
            )
        secret = settings.gateway_token_secret
        if not secret:
            return OpenAuthorizer()
        return TokenAuthorizer(algorithm, {"": _strong(secret)}, roles)
    if settings.gateway_jwks_url:
        return TokenAuthorizer(algorithm, {}, roles, jwks_url=settings.gateway_jwks_url)
    if settings.gateway_token_public_key:
        pem = _pem(settings.gateway_token_public_key, "TAPEFLOW_GATEWAY_TOKEN_PUBLIC_KEY")
        return TokenAuthorizer(algorithm, {"": _parsed(algorithm, pem)}, roles)
    raise SettingError(
        f"{algorithm} needs a key",
        where="TAPEFLOW_GATEWAY_TOKEN_ALGORITHM",
        mend="set TAPEFLOW_GATEWAY_TOKEN_PUBLIC_KEY or TAPEFLOW_GATEWAY_JWKS_URL",
    )


def make_token(
    settings: GatewaySettings,
    user_id: str,
    *,
    symbols: tuple[str, ...] = ("*",),
    role: str = "",
    permissions: tuple[str, ...] = (),
    username: str = "",
    lifetime_s: int = 3600,
    now_s: int | None = None,
) -> str:
    """A signed token for development, valid for ``lifetime_s`` from ``now_s``; raises SettingError without a key."""
    issued_s = int(time.time()) if now_s is None else now_s
    claims = {
        "userId": user_id,
        "username": username or user_id,
        "permissions": list(permissions),
        "symbolicAccess": list(symbols),
        "role": role,
        "iat": issued_s,
        "exp": issued_s + lifetime_s,
        "issuedAt": issued_s,
        "expiresAt": issued_s + lifetime_s,
    }
    if settings.gateway_token_algorithm in SHARED_SECRET:
        variable, key = "TAPEFLOW_GATEWAY_TOKEN_SECRET", settings.gateway_token_secret
        key = _strong(key) if key else key
    else:
        variable, key = "TAPEFLOW_GATEWAY_TOKEN_PRIVATE_KEY", settings.gateway_token_private_key
        key = _pem(key, variable) if key else key
    if not key:
        raise SettingError("no key to sign tokens with", where=variable, mend="set it; an open gateway needs no token")
    try:
        return jwt.encode(claims, key, settings.gateway_token_algorithm)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise SettingError(f"the key does not fit: {error}", where=variable) from error


def listen_host(settings: GatewaySettings, authorizer: Authorizer) -> str:
    """The address to bind: as set, but loopback where no token is asked for."""
    host = settings.gateway_host
    if not isinstance(authorizer, OpenAuthorizer):
        return host
    bound = host if is_loopback(host) else "127.0.0.1"
    log.warning(
        "token_secret_missed",
        consequence="everyone on this machine may read everything, and nobody else gets in",
        bound=bound,
        asked=host,
        mend="set TAPEFLOW_GATEWAY_TOKEN_SECRET",
    )
    return bound


def _same_keys(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return {kid: _public(key) for kid, key in ours.items()} == {kid: _public(key) for kid, key in theirs.items()}


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _strong(secret: str) -> str:
    if len(secret.encode()) < SECRET_BYTES_MIN:
        raise SettingError(
            f"the secret has fewer than {SECRET_BYTES_MIN} bytes",
            where="TAPEFLOW_GATEWAY_TOKEN_SECRET",
            mend="make one with: openssl rand -hex 32",
        )
    return secret


def _pem(text: str, variable: str) -> str:
    if "-----BEGIN" in text:
        return text
    try:
        return Path(text).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"no PEM and no readable file: {error}", where=variable) from None


def _parsed(algorithm: str, pem: str) -> Any:
    try:
        return jwt.get_algorithm_by_name(algorithm).prepare_key(pem)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise SettingError(
            f"not a public key for {algorithm}: {error}", where="TAPEFLOW_GATEWAY_TOKEN_PUBLIC_KEY"
        ) from None
