"""The hub: rooms and clients of the gateway, between the Redis streams and the WebSocket sessions.

``fanout`` gives it messages and what it loaded; sessions give it clients and commands; ``flush`` gives back who has
bytes to be written. A client sees no gap and no overlap. It enters a room with the room's whole state (or the deltas
since the sequence it names) and gets every later message, until it falls behind and starts again with a whole state.
Nothing here reads a clock or a socket: time is passed in, and what Redis must be asked is a list that ``take_loads``
hands out. So the same code runs under a property test with random faults.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.fanout.bar_rooms import BarRoom
from core.fanout.client import FRESH, HELD, WAITING, Client, HubLimits, Room
from core.fanout.delivery import Delivery
from core.fanout.dialect import Command, Follow, Ping, Problem, RoomKey, Subscribe, Unfollow, Unsubscribe, refusal
from core.fanout.messages import BarMessage, ChannelMessage, TickerMessage
from core.fanout.quoted import QuotedRooms
from core.fanout.registry import Registry
from core.fanout.rooms import ChannelRoom, Outcome, TickerRoom
from core.fanout.watchlists import Watchlists
from schemas.contract import CLOSE_RATE

__all__ = ["Hub", "Load"]


class Load(NamedTuple):
    """A room that Redis must be asked for, and for bars how many. An answer of an older generation is void."""

    key: RoomKey
    bars: int
    generation: int


class Hub:
    """``lossless``: names of channels whose messages are never dropped for a connected client."""

    def __init__(self, limits: HubLimits, lossless: Iterable[str] = ("alerts",)) -> None:
        self.limits = limits
        self.delivery = Delivery(limits)
        self.clients: dict[Client, None] = {}
        self.registry = Registry(limits.history_bytes, lossless)
        self.watched: Counter[str] = Counter()  # symbol → clients here that need it
        self.paused = False
        self.last_broadcast_ms = 0
        self.generation = 0
        self.watchlists = Watchlists(self._carry_out, self.delivery.reply, self.delivery.tell)
        self.quotes = QuotedRooms(self.registry.tickers.get, self._mark)
        self._dirty: dict[Room, None] = {}
        self._loads: dict[RoomKey, int] = {}
        self._timers: list[tuple[int, int, BarRoom]] = []
        self._timer_number = 0

    # Clients.

    def connect(self, client: Client, now_ms: int) -> None:
        self.clients[client] = None
        self.delivery.reply(client, client.variant.dialect.greeting(client.client_id, now_ms))

    def disconnect(self, client: Client) -> None:
        if client not in self.clients:
            return
        del self.clients[client]
        self.watchlists.forget(client)
        for room in list(client.rooms):
            self._leave(client, room)
        self.delivery.forget(client)

    def receive(self, client: Client, data: bytes, now_ms: int) -> None:
        """One inbound message: parsed by the client's dialect, counted against its inbound budget."""
        if client.gone:
            return
        if not client.inbound.take(1, now_ms):
            self.delivery.close(client, CLOSE_RATE, "too many messages: back off")
            return
        for command in client.variant.dialect.parse(data):
            self.command(client, command, now_ms)

    def command(self, client: Client, command: Command, now_ms: int) -> None:
        if isinstance(command, Problem):
            client.inbound.take(min(4.0, client.inbound.left), now_ms)  # rubbish runs into the limit sooner
            self.delivery.tell(client, command, now_ms)
        elif isinstance(command, Ping):
            self.delivery.reply(client, (client.variant.dialect.pong(command, now_ms),))
        elif isinstance(command, Follow):
            self.watchlists.follow(client, command, now_ms)
        elif isinstance(command, Unfollow):
            self.watchlists.unfollow(client, command, now_ms)
        else:
            self._carry_out(client, self.watchlists.asked(client, command), now_ms)

    def _carry_out(self, client: Client, command: Subscribe | Unsubscribe, now_ms: int) -> None:
        if isinstance(command, Subscribe):
            self._subscribe(client, command, now_ms)
            return
        for key in command.rooms:
            room = self.registry.find(key)
            if room is not None and room in client.rooms:
                self._leave(client, room)

    def _subscribe(self, client: Client, command: Subscribe, now_ms: int) -> None:
        refused: dict[str, list[str]] = {}
        for key in command.rooms:
            room = self.registry.find(key)
            if key[0] == "channel":
                if client.may_join(key[1]):
                    self._join(client, self.registry.make(key), 0, FRESH)
                else:
                    refused.setdefault("FORBIDDEN_CHANNEL", []).append(key[1])
            elif not client.may_see(key[1]):
                refused.setdefault("FORBIDDEN_SYMBOL", []).append(key[1])
            elif room not in client.rooms and self._is_full(client, key[1]):
                refused.setdefault("SUBSCRIPTION_LIMIT", []).append(key[1])
            else:
                since = (command.since or {}).get(key, FRESH)
                if since >= 0:
                    client.resume_until_ms = now_ms + self.limits.resume_wait_ms
                self._join(client, self.registry.make(key), min(command.bars, self.limits.bars_max), since)
        for code, names in refused.items():
            self.delivery.tell(client, refusal(code, names, self.limits.symbols_max), now_ms)

    def _is_full(self, client: Client, symbol: str) -> bool:
        # Bar rooms of one symbol count as one symbol, but no client may have more rooms than one per interval.
        return len(client.symbols) >= self.limits.symbols_max and symbol not in client.symbols

    def _join(self, client: Client, room: Room, bars: int, lag: int) -> None:
        if room not in client.rooms and room.key[0] != "channel":
            symbol = room.key[1]
            client.symbols[symbol] = client.symbols.get(symbol, 0) + 1
            if client.symbols[symbol] == 1:
                self.watched[symbol] += 1
        client.rooms[room] = bars
        if isinstance(room, ChannelRoom):
            if client not in room.lagging:
                room.admit(client)
            return
        self.delivery.fall_behind(room, client, lag)
        unasked = isinstance(room, TickerRoom) and not room.asked
        if isinstance(room, TickerRoom):
            room.take_up()
        if not room.ready or unasked or (isinstance(room, BarRoom) and (room.absent or room.depth < bars)):
            self._want(room, bars)

    def _leave(self, client: Client, room: Room) -> None:
        room.remove(client)
        client.owed.pop(room, None)
        del client.rooms[room]
        if not isinstance(room, ChannelRoom):
            symbol = room.key[1]
            client.symbols[symbol] -= 1
            if not client.symbols[symbol]:
                del client.symbols[symbol]
                self.watched[symbol] -= 1
                if not self.watched[symbol]:
                    del self.watched[symbol]
        if not room.members:
            self._loads.pop(room.key, None)
            self._dirty.pop(room, None)
            room.discard_pending()
            self.registry.drop(room)

    # Input.

    def apply(self, shard: int, messages: Sequence[TickerMessage | BarMessage], written_ms: int) -> None:
        """Messages of one stream entry, in order; ``written_ms``: the flow's time, 0 for an old entry read again."""
        remembered: list[TickerMessage] = []
        for message in messages:
            if isinstance(message, TickerMessage):
                room = self.registry.ticker(message.symbol)
                if room.keep(message, shard) or self._apply_ticker(room, message, shard, written_ms):
                    remembered.append(message)
            else:
                for bars in self.registry.bars_of(message.symbol, message.interval):
                    bars.shard = shard
                    if bars.apply(message) is Outcome.APPLIED:
                        self._mark(bars, written_ms)
        self.registry.remember(remembered)

    def _apply_ticker(self, room: TickerRoom, message: TickerMessage, shard: int, written_ms: int) -> bool:
        """Whether the message has become the last one of its room's history."""
        room.shard = shard
        rests, was_ready = room.rests, room.ready
        outcome = room.put_by(message) if rests else room.apply(message)
        if outcome is Outcome.APPLIED:
            self._mark(room, written_ms)
        elif outcome is Outcome.GAP and (was_ready or rests):
            self.delivery.counts["gaps"] += 1
            self._restart(room)
        elif outcome is Outcome.GAP and room.members:
            self._want(room, 0)
        return bool(room.history) and room.history[-1] is message

    def publish(self, message: ChannelMessage) -> None:
        """A channel message goes to whoever is in the channel now."""
        room = self.registry.channels.get(message.channel)
        if room is None or not room.members:
            return
        room.pending.append(message)
        if self.paused:
            limit = self.limits.paused_max if room.lossless else self.limits.buffer
            while len(room.pending) > limit:
                room.pending.popleft()
                self.delivery.counts["backlog_dropped"] += 1
        self._mark(room, message.timestamp_ms)

    @property
    def busy(self) -> bool:
        """There is something to deliver or someone to catch up: call ``flush`` soon."""
        return bool(self._dirty and not self.paused) or self.delivery.busy

    @property
    def urgent(self) -> bool:
        """A channel has a full batch: flush now rather than at the next tick."""
        full = self.limits.batch_max
        return not self.paused and any(len(room.pending) >= full for room in self.registry.channels.values())

    def _mark(self, room: Room, written_ms: int) -> None:
        if not room.members or (self.paused and not isinstance(room, ChannelRoom)):
            room.discard_pending()
        else:
            self._dirty[room] = None
            room.written_ms = room.written_ms or written_ms
            self.delivery.wake(room)

    def reset(self, shard: int | None = None, *, new_epoch: bool = False) -> None:
        """The input has a hole (in one shard or all): every affected client starts again with a whole state.

        ``new_epoch``: Redis was emptied, so sequences may start again below those that clients hold.
        """
        self.delivery.counts["resyncs"] += 1
        self.generation += 1
        for room in self.registry.with_state():
            if shard is None or room.shard in (shard, -1):
                if isinstance(room, TickerRoom):
                    room.forget()
                    if new_epoch:
                        room.floor = room.sequence = -1
                        room.forget_quote()
                self._restart(room)

    def _restart(self, room: Room) -> None:
        least = 0
        if isinstance(room, BarRoom):
            least = room.owe()
            room.forget()
        self._dirty.pop(room, None)
        for client in room.everyone():
            self.delivery.fall_behind(room, client, FRESH)
        if room.members:
            self._want(room, max(least, *(client.rooms[room] for client in room.lagging)))

    # What Redis must be asked.

    def _want(self, room: Room, bars: int) -> None:
        if not room.loading:
            self._loads[room.key] = max(bars, self._loads.get(room.key, 0))
        elif isinstance(room, BarRoom):
            self._loads[room.key] = max(bars, self._loads.get(room.key, 0), room.depth)

    def _reach_back(self, room: BarRoom) -> None:
        if room.owes_more(self.limits.bars_max):
            self._want(room, self.limits.bars_max)

    def take_loads(self, now_ms: int, most: int = 500) -> list[Load]:
        """Rooms to be loaded; each stays loading until ``loaded_*`` or ``load_failed`` is called for it."""
        taken: list[Load] = []
        for key, bars in list(self._loads.items()):
            room = self.registry.find(key)
            if room is None or not room.members:
                del self._loads[key]
            elif not room.loading and room.load_at_ms <= now_ms and len(taken) < most:
                del self._loads[key]
                room.loading = True
                taken.append(Load(key, bars, self.generation))
        return taken

    def loaded_ticker(self, load: Load, snapshot: TickerMessage | None, shard: int, now_ms: int) -> None:
        """The answer for ("ticker", symbol); None: Redis has no such key."""
        room = self.registry.tickers.get(load.key[1])
        if room is None:
            return
        room.loading = False
        if load.generation != self.generation:
            self._want(room, 0)
            return
        room.shard = shard if shard >= 0 else room.shard
        if snapshot is not None:
            if room.load(snapshot) is Outcome.GAP:
                room.load_at_ms = now_ms + self.limits.reload_ms
                self._want(room, 0)
            self.delivery.wake(room)
        elif room.history and not room.ready:
            self._want(room, 0)  # it began to trade while Redis was asked
        elif not room.ready:
            room.absent = True
            self._tell_absent(room, "", "trade", now_ms)

    def loaded_bars(self, load: Load, bars: Iterable[BarMessage], now_ms: int) -> None:
        """The answer for a room of bars: what Redis holds of the newest ``load.bars``."""
        room = self.registry.bars.get(load.key[1:])
        if room is None:
            return
        room.loading = False
        if load.generation != self.generation:
            self._want(room, load.bars)
            return
        if room.load(bars, load.bars):
            self._mark(room, 0)
        self._reach_back(room)
        room.absent = not room.starts
        if room.absent:
            self._tell_absent(room, "Invalid symbol: ", "bar", now_ms)
        self.delivery.wake(room)

    def _tell_absent(self, room: Room, word: str, first: str, now_ms: int) -> None:
        """Says once to each member that its symbol is unknown so far."""
        for client in room.lagging:
            if client.lags[room] != WAITING:
                client.lags[room] = WAITING
                text = f"{word}{room.key[1]} has not traded yet; its first {first} will be sent"
                self.delivery.tell(client, Problem("INVALID_SYMBOL", text), now_ms)

    @property
    def wants_loads(self) -> bool:
        return bool(self._loads) or self.watchlists.wants_loads

    def load_failed(self, load: Load, now_ms: int) -> None:
        room = self.registry.find(load.key)
        if room is not None:
            room.loading = False
            room.load_at_ms = now_ms + self.limits.reload_ms
            self._want(room, load.bars)

    # Output.

    def pause(self) -> None:
        """Delivery stops; state is still kept, and pings are answered."""
        if not self.paused:
            self.paused = True
            for room in self.registry.with_state():
                if isinstance(room, BarRoom):
                    room.owe()

    def resume(self) -> None:
        """Delivery starts again: every client gets whole states, and the channel messages that were kept."""
        if self.paused:
            self.paused = False
            for room in self.registry.with_state():
                room.discard_pending()
                for client in room.everyone():
                    if client.lags.get(room, HELD) == HELD:
                        self.delivery.fall_behind(room, client, FRESH)
                if isinstance(room, BarRoom):
                    self._reach_back(room)
            for client in self.clients:
                if client.lags or client.backlog:
                    self.delivery.behind[client] = None

    def flush(self, now_ms: int, *, grouped: bool = False) -> list[Client]:
        """Clients whose ``out`` has bytes to be written: joined, in order; then clear it.

        With ``grouped`` there may be frames in ``take_groups`` to be written before those.
        """
        delivery = self.delivery
        delivery.sweep(now_ms)
        if not self.paused:
            while self._timers and self._timers[0][0] <= now_ms:
                room = heapq.heappop(self._timers)[2]
                room.timed = False
                self._dirty[room] = None
            # One room alone needs no joining of frames per client, which would be half of the hub's cost.
            delivery.direct = grouped and len(self._dirty) == 1
            for changed in list(self._dirty):
                delivery.send_room(changed, now_ms)
                if isinstance(changed, BarRoom) and changed.live and not changed.timed:
                    changed.timed = True
                    self._timer_number += 1
                    due_ms = changed.updated_ms + self.limits.bar_update_ms
                    heapq.heappush(self._timers, (due_ms, self._timer_number, changed))
            if self._dirty:
                self.last_broadcast_ms = now_ms
                self._dirty.clear()
        if delivery.behind:
            delivery.catch_up(now_ms, paused=self.paused)
        return delivery.take_ready()

    def take_groups(self) -> list[tuple[bytes, list[Client]]]:
        """Frames of the last flush, each for many clients."""
        groups, self.delivery.groups = self.delivery.groups, []
        return groups

    def take_closes(self) -> list[tuple[Client, int, str]]:
        """Clients to be closed with a code and a reason; the hub has let go of them."""
        closes, self.delivery.closes = self.delivery.closes, []
        for client, _code, _reason in closes:
            self.disconnect(client)
        return closes
