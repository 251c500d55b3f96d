"""``POST /login``: a token for a name and a password of the settings, for development.

There is no such path unless the settings name users (gateway.access.login), and a process that has it says so in its
log at each start and in ``/api/about``. An address has ten attempts a minute over all gateways, right or wrong. Pages
of other origins are refused as everywhere else.
"""

import time
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta

from gateway.access.login import DevelopmentLogin
from gateway.rest.body import json_body
from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import unauthorized
from gateway.rest.limits import LOGINS_PER_MINUTE, Limiter
from gateway.rest.reply import Reply

__all__ = ["Login"]

NO_STORE: Final = [(b"cache-control", b"no-store")]
log = structlog.get_logger(__name__)


class LoginBody(msgspec.Struct):
    username: Annotated[str, Meta(min_length=1, max_length=128)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class LoginAnswer(msgspec.Struct, rename="camel"):
    token: Annotated[str, Meta(description="For Authorization: Bearer, or ?token=")]
    expires_at: Annotated[int, Meta(description="Milliseconds since the epoch")]


class Login:
    """``login`` None: there is no such path."""

    def __init__(self, login: DevelopmentLogin | None, limiter: Limiter) -> None:
        self._login, self._limiter = login, limiter
        if login is not None:
            log.warning(
                "development_login_opened",
                users=login.names,
                consequence="who guesses a password of the settings may read everything",
                mend="unset TAPEFLOW_GATEWAY_LOGIN_USERS in production",
            )

    def operations(self) -> tuple[Operation, ...]:
        if self._login is None:
            return ()
        return (
            Operation(
                "POST",
                "/login",
                self.enter,
                "login",
                "about",
                "A token for a name and a password, for development",
                LoginAnswer,
                body=LoginBody,
                public=True,
                limited=False,
                errors=(401, 429),
                description=f"An address has {LOGINS_PER_MINUTE} attempts a minute. Exists only by a setting.",
                example={"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "expiresAt": 1767229200000},
                body_example={"username": "admin", "password": "admin"},
            ),
        )

    async def enter(self, call: Call) -> Reply:
        await self._limiter.login(call.address)
        wanted = await json_body(call, LoginBody)
        assert self._login is not None
        made = self._login.token(wanted.username, wanted.password, int(time.time()))
        if made is None:
            log.warning("login_refused", address=call.address)
            raise unauthorized("The name or the password is wrong")
        return Reply(msgspec.json.encode(LoginAnswer(made.text, made.expires_s * 1000)), headers=NO_STORE)
