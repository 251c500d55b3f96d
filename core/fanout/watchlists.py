"""Watchlists that clients follow: a client gets the tickers of a list's symbols, and keeps getting those of its edits.

The hub hands over what clients ask for; ``fanout`` reads the lists that ``take_wanted`` names, and hands over what they
hold. Each change becomes joins and leaves of the hub and one message of the dialect. A symbol that a client asked for
by its own name, or that another of its lists holds, stays when a list lets go of it. A list that is deleted lets go of
all its symbols, and is followed no more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from core.fanout.client import Client
from core.fanout.dialect import Follow, Problem, RoomKey, Subscribe, Unfollow, Unsubscribe

__all__ = ["FOLLOWED_MAX", "ListKey", "Watchlists"]

FOLLOWED_MAX: Final = 100
"""Lists that one client may follow: as many as a user may have."""


class ListKey(NamedTuple):
    user_id: str
    list_id: str


class Told(NamedTuple):
    """What a follower was told of a list, and has by it; ``name`` None: nothing yet."""

    name: str | None
    symbols: frozenset[str]


NOTHING: Final = Told(None, frozenset())


class Watchlists:
    """``command`` carries out a command for a client, ``reply`` sends it a message, ``tell`` a problem."""

    def __init__(
        self,
        command: Callable[[Client, Subscribe | Unsubscribe, int], None],
        reply: Callable[[Client, Sequence[bytes]], None],
        tell: Callable[[Client, Problem, int], None],
    ) -> None:
        self._command, self._reply, self._tell = command, reply, tell
        self._followers: dict[ListKey, dict[Client, Told]] = {}
        self._by_name: dict[Client, set[str]] = {}  # of those who follow a list: symbols asked for by name
        self._since: dict[tuple[ListKey, Client], Mapping[RoomKey, int]] = {}  # for the first time that it is read
        self._wanted: dict[ListKey, None] = {}

    @property
    def wants_loads(self) -> bool:
        return bool(self._wanted)

    def follow(self, client: Client, command: Follow, now_ms: int) -> None:
        """The lists are looked up; what they hold is subscribed to then."""
        self._by_name.setdefault(client, set(client.symbols))
        followed = self._lists_of(client)
        for list_id in command.lists:
            key = ListKey(client.user_id, list_id)
            if key not in followed and len(followed) >= FOLLOWED_MAX:
                text = f"more than {FOLLOWED_MAX} watchlists per connection: not following {list_id}"
                self._tell(client, Problem("SUBSCRIPTION_LIMIT", text), now_ms)
                continue
            followed.add(key)
            self._followers.setdefault(key, {}).setdefault(client, NOTHING)
            if command.since:
                self._since[key, client] = command.since
            self._wanted[key] = None

    def unfollow(self, client: Client, command: Unfollow, now_ms: int) -> None:
        for list_id in command.lists:
            self._change(ListKey(client.user_id, list_id), client, NOTHING, now_ms)
            self._let_go(ListKey(client.user_id, list_id), client)

    def forget(self, client: Client) -> None:
        """The client is gone."""
        for key in self._lists_of(client):
            self._let_go(key, client)
        self._by_name.pop(client, None)

    def asked(self, client: Client, command: Subscribe | Unsubscribe) -> Subscribe | Unsubscribe:
        """To be called with what a client asks for by name. What that means: an unsubscribe spares what lists hold."""
        by_name = self._by_name.get(client)
        if by_name is None:
            return command
        tickers = {key[1] for key in command.rooms if key[0] == "ticker"}
        if isinstance(command, Subscribe):
            by_name |= tickers
            return command
        by_name -= tickers
        held = self._held(client)
        return Unsubscribe(tuple(key for key in command.rooms if key[0] != "ticker" or key[1] not in held))

    def changed(self, user_id: str, list_id: str) -> None:
        """Somebody edited the list."""
        key = ListKey(user_id, list_id)
        if key in self._followers:
            self._wanted[key] = None

    def all_changed(self) -> None:
        """Edits may have been missed."""
        self._wanted |= dict.fromkeys(self._followers)

    def take_wanted(self) -> list[ListKey]:
        """Lists to be read; ``loaded`` or ``load_failed`` is called for each."""
        wanted, self._wanted = self._wanted, {}
        return [key for key in wanted if key in self._followers]

    def load_failed(self, key: ListKey) -> None:
        self._wanted[key] = None

    def loaded(self, key: ListKey, name: str, symbols: Sequence[str] | None, now_ms: int) -> None:
        """What the list holds now; None: there is no such list."""
        for client, told in list(self._followers.get(key, {}).items()):
            dialect = client.variant.dialect
            if symbols is None:
                self._change(key, client, NOTHING, now_ms)
                self._let_go(key, client)
                if told.name is not None:
                    self._reply(client, (dialect.watchlist(key.list_id, "", None, now_ms),))
                else:
                    self._tell(client, Problem("UNKNOWN_WATCHLIST", f"no such watchlist: {key.list_id}"), now_ms)
                continue
            now = Told(name, frozenset(symbols))
            if now != told:
                self._reply(client, (dialect.watchlist(key.list_id, name, symbols, now_ms),))
                self._change(key, client, now, now_ms)

    def _change(self, key: ListKey, client: Client, told: Told, now_ms: int) -> None:
        """From here on the list brings these symbols, and no others, to the client."""
        followers = self._followers.get(key, {})
        before = followers.get(client)
        if before is None:
            return
        followers[client] = told
        gone = before.symbols - told.symbols - self._held(client) - self._by_name[client]
        if gone:
            self._command(client, Unsubscribe(_tickers(gone)), now_ms)
        since = self._since.pop((key, client), None)
        if new := told.symbols - before.symbols - client.symbols.keys():
            self._command(client, Subscribe(_tickers(new), since), now_ms)

    def _let_go(self, key: ListKey, client: Client) -> None:
        self._since.pop((key, client), None)
        followers = self._followers.get(key)
        if followers is not None:
            followers.pop(client, None)
            if not followers:
                del self._followers[key]

    def _lists_of(self, client: Client) -> set[ListKey]:
        if client not in self._by_name:
            return set()
        return {key for key, followers in self._followers.items() if client in followers}

    def _held(self, client: Client) -> frozenset[str]:
        """Symbols that any list brings to the client."""
        return frozenset().union(*(self._followers[key][client].symbols for key in self._lists_of(client)))


def _tickers(symbols: frozenset[str]) -> tuple[RoomKey, ...]:
    return tuple(("ticker", symbol) for symbol in sorted(symbols))
