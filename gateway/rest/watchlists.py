"""``/api/watchlists``: named lists of symbols, kept per user in Redis.

One hash per user, a list per field, so that a user's lists are one read and need no index. A user sees and changes only
lists of the token's userId, holds at most 100 of them, and can list only symbols the token allows. Creating and
replacing decide and write on the server in one step, so two gateways cannot overshoot or revive a list. The same step
tells all gateways of an edit, and they tell the clients that follow the list.
"""

import time
from importlib.resources import files
from typing import Final, cast
from uuid import uuid4

import msgspec

from gateway.rest.body import json_body
from gateway.rest.endpoint import Call, Operation, check_symbol
from gateway.rest.errors import bad_request, not_found
from gateway.rest.reply import Reply, etag_of
from gateway.rest.words import Watchlist, WatchlistBody
from gateway.stores.now import Now
from gateway.stores.redis_pool import Redis
from schemas.names import WATCHLISTS_CHANNEL, watchlists_key

__all__ = ["Watchlists"]

LISTS_MAX: Final = 100
CREATE: Final = files(__package__).joinpath("create_watchlist.lua").read_text("utf-8")
REPLACE: Final = files(__package__).joinpath("replace_watchlist.lua").read_text("utf-8")
DELETE: Final = files(__package__).joinpath("delete_watchlist.lua").read_text("utf-8")
EXAMPLE: Final = {
    "id": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e",
    "name": "Majors",
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "createdAt": 1767225600123,
    "updatedAt": 1767225600123,
}
BODY_EXAMPLE: Final = {name: EXAMPLE[name] for name in ("name", "symbols")}


class Watchlists:
    """Handlers of watchlists."""

    def __init__(self, redis: Redis, now: Now) -> None:
        self._redis = redis
        self._now = now
        self._create = redis.register_script(CREATE)
        self._replace = redis.register_script(REPLACE)
        self._delete = redis.register_script(DELETE)

    def operations(self) -> tuple[Operation, ...]:
        one = "/api/watchlists/{id}"
        return (
            Operation(
                "GET",
                "/api/watchlists",
                self.all,
                "getWatchlists",
                "watchlists",
                "The user's watchlists",
                list[Watchlist],
                example=[EXAMPLE],
                tagged=True,
            ),
            Operation(
                "POST",
                "/api/watchlists",
                self.create,
                "createWatchlist",
                "watchlists",
                "Make a watchlist",
                Watchlist,
                body=WatchlistBody,
                body_example=BODY_EXAMPLE,
                status=201,
                headers=("Location",),
                example=EXAMPLE,
                description=f"A user has at most {LISTS_MAX}.",
            ),
            Operation(
                "GET",
                one,
                self.one,
                "getWatchlist",
                "watchlists",
                "One watchlist",
                Watchlist,
                example=EXAMPLE,
                tagged=True,
            ),
            Operation(
                "PUT",
                one,
                self.replace,
                "replaceWatchlist",
                "watchlists",
                "Replace a watchlist",
                Watchlist,
                body=WatchlistBody,
                body_example=BODY_EXAMPLE,
                example=EXAMPLE,
            ),
            Operation("DELETE", one, self.delete, "deleteWatchlist", "watchlists", "Delete a watchlist", status=204),
        )

    async def all(self, call: Call) -> Reply:
        held = await self._now.guard(self._redis.hvals(_key(call)))
        lists = sorted(
            (msgspec.json.decode(text, type=Watchlist) for text in held), key=lambda each: (each.created_at, each.id)
        )
        body = msgspec.json.encode(lists)
        return Reply(body, etag=etag_of(body))

    async def one(self, call: Call) -> Reply:
        body = await self._held(call)
        return Reply(body, etag=etag_of(body))

    async def create(self, call: Call) -> Reply:
        wanted = await _wanted(call)
        now_ms = time.time_ns() // 1_000_000
        made = Watchlist(uuid4().hex, wanted.name, wanted.symbols, now_ms, now_ms)
        body = msgspec.json.encode(made)
        given = await self._now.guard(self._create(keys=[_key(call)], args=[made.id, body, LISTS_MAX]))
        if not given:
            raise bad_request(f"A user has at most {LISTS_MAX} watchlists", listsMax=LISTS_MAX)
        return Reply(body, 201, headers=[(b"location", b"/api/watchlists/" + made.id.encode())])

    async def replace(self, call: Call) -> Reply:
        wanted = await _wanted(call)
        old = msgspec.json.decode(await self._held(call), type=Watchlist)
        new = Watchlist(old.id, wanted.name, wanted.symbols, old.created_at, time.time_ns() // 1_000_000)
        body = msgspec.json.encode(new)
        if not await self._now.guard(self._replace(keys=[_key(call)], args=[old.id, body, *_told(call)])):
            raise _missing(call)
        return Reply(body)

    async def delete(self, call: Call) -> Reply:
        list_id = call.path["id"]
        if not await self._now.guard(self._delete(keys=[_key(call)], args=[list_id, *_told(call)])):
            raise _missing(call)
        return Reply(b"", 204)

    async def _held(self, call: Call) -> bytes:
        body = await self._now.guard(self._redis.hget(_key(call), call.path["id"]))
        if body is None:
            raise _missing(call)
        return cast(bytes, body)


def _key(call: Call) -> str:
    return watchlists_key(call.principal.user_id)


def _told(call: Call) -> tuple[str, bytes]:
    """The channel and the message by which gateways learn that the list was edited."""
    edited = {"user": call.principal.user_id, "id": call.path["id"]}
    return WATCHLISTS_CHANNEL, msgspec.json.encode(edited)


def _missing(call: Call) -> Exception:
    return not_found("No such watchlist", id=call.path["id"][:64])


async def _wanted(call: Call) -> WatchlistBody:
    """The body as asked; raises ApiError where it is malformed or holds a foreign symbol."""
    wanted = await json_body(call, WatchlistBody)
    for symbol in wanted.symbols:
        check_symbol(symbol, call.principal)
    if len(set(wanted.symbols)) != len(wanted.symbols):
        raise bad_request("A symbol is listed twice", field="symbols")
    return wanted
