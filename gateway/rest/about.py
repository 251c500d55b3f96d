"""``/api/about``: what a client has to know before it connects, from the settings to whoever asks.

A page learns here whether it needs a token and where to get one, and which bounds to keep, so that it needs no settings
of its own. It says nothing that a connection wouldn't find out, and needs no token. It is the same for as long as the
process lives.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.rest.endpoint import Call, Operation
from gateway.rest.reply import Reply, etag_of
from runtime.settings.gateway import GatewaySettings
from schemas.channels import CHANNELS, EVENT_TYPES
from schemas.intervals import INTERVALS

__all__ = ["AboutAnswer", "Gateway"]

INTERVAL_NAMES: Final = tuple(each.name for each in INTERVALS)


class AboutAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """What the gateway is, who gets in, and within which bounds."""

    name: Literal["tapeflow"] = "tapeflow"
    version: str
    token_needed: Annotated[bool, Meta(description="false: everyone on this machine may read everything")]
    login: Annotated[bool, Meta(description="true: POST /login gives tokens to users of the settings; for development")]
    intervals: Annotated[tuple[str, ...], Meta(description="Lengths of bars, shortest first")] = INTERVAL_NAMES
    channels: Annotated[tuple[str, ...], Meta(description="What /ws/analytics has to subscribe to")] = CHANNELS
    events: Annotated[tuple[str, ...], Meta(description="Types of /api/events")] = EVENT_TYPES
    symbols_max: Annotated[int, Meta(description="Symbols that one connection may subscribe to")]
    messages_per_s: Annotated[int, Meta(description="Messages that a client may send on one connection")]
    requests_per_minute: Annotated[int, Meta(description="REST requests of a user or address; 0: no limit")]


class Gateway:
    """The gateway that answers, told by itself. ``is_open``: it asks for no token."""

    def __init__(self, settings: GatewaySettings, version: str, *, is_open: bool) -> None:
        answer = AboutAnswer(
            version=version,
            token_needed=not is_open,
            login=bool(settings.gateway_login_users),
            symbols_max=settings.gateway_symbols_max,
            messages_per_s=settings.gateway_in_per_s,
            requests_per_minute=settings.gateway_requests_per_minute,
        )
        self._example = msgspec.to_builtins(answer)
        self._body = msgspec.json.encode(answer)
        self._etag = etag_of(self._body)

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/about",
                self.about,
                "getAbout",
                "about",
                "What this gateway is, and what a client has to know before it connects",
                AboutAnswer,
                public=True,
                limited=False,
                example=self._example,
                tagged=True,
            ),
        )

    async def about(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        return Reply(self._body, etag=self._etag)
