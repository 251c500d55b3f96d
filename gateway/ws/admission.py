"""Who gets in: origin, token and capacity of a new connection, and which dialect and encoding it speaks.

The server parses the upgrade request into a Handshake; ``Admission`` answers with a Principal or a close code. A
refusal is a close code after the upgrade (4003, 4001, 1013), as browsers can't read a failed upgrade's status.
gateway.access.origins says which pages get in. A client without Origin is no browser, and its token alone decides. An
open gateway serves local host names only, as REST does: a page that re-binds its own name to loopback sends an Origin
that equals its Host.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

from gateway.access.addresses import AddressRule, forwarded_entries
from gateway.access.auth import OpenAuthorizer
from gateway.access.hosts import is_local_host
from gateway.access.origins import REFUSED, OriginRule
from gateway.access.principal import Authorizer, Principal, TokenRefused
from gateway.messages.values import ENCODINGS
from gateway.ws.frames import negotiate_deflate
from gateway.ws.options import WsOptions
from schemas.contract import CLOSE_FORBIDDEN, CLOSE_FULL, CLOSE_TOKEN

__all__ = ["Admission", "Handshake", "Refusal", "read_handshake"]


class Handshake(NamedTuple):
    """``deflate``: the answer to the extensions header; ``protocol``: the subprotocol; empty for none.

    ``forwarded``: every entry of every X-Forwarded-For line, as they came. ``traceparent``: whose trace this goes on.
    """

    path: str
    token: str | None = None
    origin: str = ""
    host: str = ""
    forwarded: tuple[str, ...] = ()
    protocol: str = ""
    deflate: str = ""
    traceparent: str = ""


class Refusal(NamedTuple):
    code: int
    reason: str


def read_handshake(target: str, headers: Mapping[str, str]) -> Handshake:
    """``headers`` by name in small letters."""
    path, _, query = target.partition("?")
    bearer, _, credentials = headers.get("authorization", "").partition(" ")
    given = parse_qs(query, max_num_fields=20).get("token", []) if query and query.count("&") < 20 else []
    token = credentials.strip() if bearer.lower() == "bearer" else (given[0] if given else None)
    offered = headers.get("sec-websocket-protocol")
    names = [name.strip() for name in offered.split(",")] if offered else ()
    forwarded, extensions = headers.get("x-forwarded-for"), headers.get("sec-websocket-extensions")
    return Handshake(
        path,
        token or None,
        headers.get("origin", ""),
        headers.get("host", ""),
        forwarded_entries((forwarded,)) if forwarded is not None else (),
        next((name for name in names if name in ENCODINGS), ""),
        (negotiate_deflate(extensions) or "") if extensions else "",
        headers.get("traceparent", ""),
    )


class Admission:
    """Counts connections; ``leave`` must follow every ``enter``."""

    def __init__(self, options: WsOptions, authorizer: Authorizer) -> None:
        self._options, self._authorizer = options, authorizer
        self._local_only = isinstance(authorizer, OpenAuthorizer)
        self._origins = OriginRule(options.origins, self._local_only)
        self._addresses = AddressRule(options.trust_forwarded, options.forwarded_hops)
        self._per_ip: Counter[str] = Counter()
        self.connections = 0
        self.refused: Counter[int] = Counter()

    def address(self, handshake: Handshake, peer: str) -> str:
        return self._addresses.of(handshake.forwarded, peer)

    def serves(self, host: str) -> bool:
        """Whether requests with this Host header are answered at all, pages included."""
        return not self._local_only or is_local_host(host)

    def enter(self, address: str) -> None:
        self.connections += 1
        self._per_ip[address] += 1

    def leave(self, address: str) -> None:
        self.connections -= 1
        self._per_ip[address] -= 1
        if not self._per_ip[address]:
            del self._per_ip[address]

    def judge(self, handshake: Handshake, address: str) -> Principal | Refusal:
        """To be asked after ``enter``."""
        verdict = self._judge(handshake, address)
        if isinstance(verdict, Refusal):
            self.refused[verdict.code] += 1
        return verdict

    def _judge(self, handshake: Handshake, address: str) -> Principal | Refusal:
        if self.connections > self._options.clients_max or self._per_ip[address] > self._options.clients_per_ip:
            return Refusal(CLOSE_FULL, "over capacity: try again later")
        if not self.serves(handshake.host):
            return Refusal(CLOSE_FORBIDDEN, "without a token secret only local names are served")
        if handshake.origin and not self._origins.allows(handshake.origin, handshake.host):
            return Refusal(CLOSE_FORBIDDEN, REFUSED)
        try:
            return self._authorizer.verify(handshake.token)
        except TokenRefused as error:
            return Refusal(CLOSE_TOKEN, str(error))
