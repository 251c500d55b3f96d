"""A client of a Redis Cluster that its users can't tell from one of a single server.

gateway.stores.redis_pool opens it. Each command goes to the primary that holds its key, over a pool for each primary.
Commands about keys of several slots (MGET, EXISTS, XREAD, a pipeline) are split and their answers put together. What is
read in one pipeline is of one moment only within a shard. A slot that moved is looked up again and the command repeated
once; a primary that is away is an error, as a server that is away, and makes the next command look again.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio
import redis.exceptions
from redis.asyncio.client import Pipeline, PubSub
from redis.crc import key_slot

__all__ = ["ClusterRedis", "pairs_of"]

Open = Callable[[str, int], redis.asyncio.Redis]
OF_ALL: Final = ("PING", "SCRIPT LOAD")
OF_ANY: Final = ("PUBLISH",)
BLOCK_MS: Final = 250
MOVED: Final = (redis.exceptions.MovedError, redis.exceptions.AskError)
AWAY: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ClusterDownError,
    OSError,
)


class _Waiting(NamedTuple):
    """A read of a stream that waits at its primary for what comes ``after`` an entry."""

    after: str
    task: asyncio.Task[Any]


class ClusterRedis(redis.asyncio.Redis):
    """``nodes``: some of the cluster's, as host and port; ``open_node`` opens one. Connects at first use."""

    def __init__(self, nodes: Sequence[tuple[str, int]], open_node: Open) -> None:
        super().__init__()  # for its commands; its own pool stays unused
        self._seeds = list(nodes)
        self._open_node = open_node
        self._nodes: dict[tuple[str, int], redis.asyncio.Redis] = {}
        self._starts: list[int] = []
        """First slots of ranges, in order, and who holds each range."""
        self._holders: list[tuple[str, int]] = []
        self._looking = asyncio.Lock()
        self._turn = 0
        self._reads: dict[str, _Waiting] = {}
        """By stream; one that nobody waits for any more ends within BLOCK_MS."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        name = args[0]
        await self._find_holders()
        if name in OF_ALL:
            asked = [self._run(place, args, options) for place in sorted(set(self._holders))]
            return (await self._watched(asyncio.gather(*asked)))[0]
        if name in OF_ANY:
            return await self._watched(self._run(self._holders[0], args, options))
        key = _key_of(args)
        try:
            return await self._watched(self._run(self._place(key), args, options))
        except MOVED:
            await self._find_holders()
            return await self._watched(self._run(self._place(key), args, options))

    async def mget(self, keys: Any, *more: Any) -> list[Any]:
        """Of keys of any slots."""
        pipeline, names = self.pipeline(), [*([keys] if isinstance(keys, str) else keys), *more]
        for name in names:
            pipeline.get(name)
        return await pipeline.execute()

    async def exists(self, *names: Any) -> int:
        """How many of ``names``, of any slots."""
        pipeline = self.pipeline()
        for name in names:
            pipeline.exists(name)
        return sum(await pipeline.execute())

    async def xread(  # type: ignore[override]  # without what newer servers alone know
        self, streams: Any, count: int | None = None, block: int | None = None
    ) -> list[Any]:
        """Without ``block`` what is there now, of all streams. With it what comes first within ``block`` ms: a read of
        each stream waits at its primary, and one that found nothing yet goes on into the next call."""
        if block is None:
            pipeline = self.pipeline()
            for name, after in streams.items():
                redis.asyncio.Redis.xread(pipeline, {name: after}, count)
            return [pair for answer in await pipeline.execute() for pair in pairs_of(answer)]
        for name, after in streams.items():
            held = self._reads.get(name)
            if held is None or held.after != after:
                task: asyncio.Task[Any] = asyncio.create_task(self._read(name, after, count))
                task.add_done_callback(_retrieve)
                self._reads[name] = _Waiting(after, task)
        waiting = [self._reads[name].task for name in streams]
        await asyncio.wait(waiting, timeout=block / 1000, return_when=asyncio.FIRST_COMPLETED)
        done = [name for name in streams if self._reads[name].task.done()]
        return [pair for name in done for pair in pairs_of(await self._reads.pop(name).task)]

    async def _read(self, name: str, after: str, count: int | None) -> Any:
        return await super().xread({name: after}, count, BLOCK_MS)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: ARG002
        return _SplitPipeline(self)

    def pubsub(self, **options: Any) -> PubSub:
        """At one of the nodes, the next one each time: a message comes to all of them."""
        places = [*dict.fromkeys(self._holders), *self._seeds]
        self._turn += 1
        return self._node(places[self._turn % len(places)]).pubsub(**options)

    async def run_split(self, commands: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
        """Answers to commands of a key each, in their order, errors among them; one pipeline to each primary."""
        await self._find_holders()
        answers: list[Any] = [None] * len(commands)
        groups: dict[tuple[str, int], list[int]] = {}
        for number, (args, _) in enumerate(commands):
            groups.setdefault(self._place(_key_of(args)), []).append(number)

        async def run(place: tuple[str, int], numbers: list[int]) -> None:
            pipeline = self._node(place).pipeline(transaction=False)
            for number in numbers:
                args, options = commands[number]
                pipeline.execute_command(*args, **options)
            for number, answer in zip(numbers, await pipeline.execute(raise_on_error=False), strict=True):
                answers[number] = answer

        await self._watched(asyncio.gather(*(run(place, numbers) for place, numbers in groups.items())))
        return answers

    def look_again(self) -> None:
        """Before the next command: slots have moved, or a primary is away."""
        self._starts = []

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: ARG002 - as of one server
        reads, self._reads = [read.task for read in self._reads.values()], {}
        for task in reads:
            task.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        for node in self._nodes.values():
            await node.aclose(close_connection_pool=True)

    async def _watched(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except (*MOVED, *AWAY):
            self.look_again()
            raise

    async def _find_holders(self) -> None:
        """Asks the nodes that are known, one after the other; raises the last one's error."""
        if self._starts:
            return
        async with self._looking:
            if self._starts:
                return
            error: Exception | None = None
            for place in dict.fromkeys([*self._holders, *self._seeds]):
                try:
                    slots: Any = await self._run(place, ("CLUSTER SLOTS",), {})
                except (redis.exceptions.RedisError, OSError) as failure:
                    error = failure
                    continue
                found = sorted(
                    (first, (_text(primary[0]) or place[0], int(primary[1]))) for first, _, primary, *_ in slots
                )
                self._holders = [holder for _, holder in found]
                self._starts = [first for first, _ in found]
                if self._starts:
                    return
            raise error or redis.exceptions.ClusterDownError("no slot is served")

    def _place(self, key: Any) -> tuple[str, int]:
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        return self._holders[max(0, bisect_right(self._starts, slot) - 1)]

    async def _run(self, place: tuple[str, int], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return await self._node(place).execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def _node(self, place: tuple[str, int]) -> redis.asyncio.Redis:
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = self._open_node(*place)
        return node


class _SplitPipeline(Pipeline):
    """Commands of one key each, kept until ``execute``."""

    def __init__(self, client: ClusterRedis) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, False, None)
        self._client = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands: Any = self.command_stack
        self.command_stack = []
        answers = await self._client.run_split(commands)
        if moved := [number for number, answer in enumerate(answers) if isinstance(answer, MOVED)]:
            self._client.look_again()
            again = await self._client.run_split([commands[number] for number in moved])
            for number, answer in zip(moved, again, strict=True):
                answers[number] = answer
        for answer in answers if raise_on_error else ():
            if isinstance(answer, Exception):
                if isinstance(answer, (*MOVED, *AWAY)):
                    self._client.look_again()
                raise answer
        return answers


def _key_of(args: Sequence[Any]) -> Any:
    """The first key of a command."""
    if args[0] in ("EVALSHA", "EVAL"):
        return args[3]
    if args[0] == "XREAD":
        return args[next(at for at, word in enumerate(args) if word in (b"STREAMS", "STREAMS")) + 1]
    return args[1]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def pairs_of(answer: Any) -> Iterable[Any]:
    """XREAD's answer as names and entries, as in RESP2; RESP3 has a map, and the entries in a list of their own."""
    if not isinstance(answer, dict):
        return answer or ()
    return [
        (name, entries[0] if len(entries) == 1 and isinstance(entries[0], list) else entries)
        for name, entries in answer.items()
    ]


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Its error is told to who still waits for it; to nobody where the stream is read from elsewhere meanwhile."""
    if not task.cancelled():
        task.exception()
