"""The development login: names and passwords out of the settings, a token for who knows a pair.

It exists only where TAPEFLOW_GATEWAY_LOGIN_USERS names users, and only with an HS256 secret, as it signs what the
gateway verifies. Passwords stand in plain text in the settings, so it is for development and demonstrations; in
production tokens come from whoever knows the users. How long a comparison takes says nothing about names or passwords.
"""

import hmac
import secrets
from typing import Final, NamedTuple

from gateway.access.auth import SHARED_SECRET, make_token
from runtime.settings.gateway import GatewaySettings
from schemas.errors import SettingError

__all__ = ["DevelopmentLogin", "MadeToken", "make_login"]

LIFETIME_S: Final = 3600
"""That of ``tapeflow token``."""
USERS: Final = "TAPEFLOW_GATEWAY_LOGIN_USERS"


class MadeToken(NamedTuple):
    """``expires_s``: seconds since the epoch."""

    text: str
    expires_s: int


class _User(NamedTuple):
    name: str
    password: str
    role: str = ""


class DevelopmentLogin:
    """``settings`` have users and a secret (``make_login`` looks)."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._key = secrets.token_bytes(32)
        users = [_User(*text.split(":")) for text in settings.gateway_login_users]
        self._users = [(self._digest(user.name), self._digest(user.password), user) for user in users]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(user.name for _, _, user in self._users)

    def token(self, name: str, password: str, now_s: int) -> MadeToken | None:
        """A token for all symbols with the user's role, from ``now_s`` on; None where the pair is wrong."""
        named, given, found = self._digest(name), self._digest(password), None
        for known_name, known_password, user in self._users:  # all of them: the one who is found takes no less time
            if hmac.compare_digest(known_name, named) & hmac.compare_digest(known_password, given):
                found = user
        if found is None:
            return None
        text = make_token(self._settings, found.name, role=found.role, lifetime_s=LIFETIME_S, now_s=now_s)
        return MadeToken(text, now_s + LIFETIME_S)

    def _digest(self, text: str) -> bytes:
        """Of one length for any text, so that comparing two doesn't tell theirs."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")


def make_login(settings: GatewaySettings) -> DevelopmentLogin | None:
    """None where the settings name no users; raises SettingError where they do and nothing can sign for them."""
    if not settings.gateway_login_users:
        return None
    if settings.gateway_token_algorithm not in SHARED_SECRET or not settings.gateway_token_secret:
        raise SettingError(
            "a development login signs tokens with an HS256 secret, and there is none",
            where=USERS,
            mend="set TAPEFLOW_GATEWAY_TOKEN_SECRET (openssl rand -hex 32), or unset the users",
        )
    return DevelopmentLogin(settings)
