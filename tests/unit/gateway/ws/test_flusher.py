"""Large flushes leave the loop free between their slices, and every client gets every frame once, in order."""

import asyncio

from core.fanout.client import Client, HubLimits
from core.fanout.dialect import Subscribe
from core.fanout.hub import Hub
from gateway.ws.flusher import SLICE, Flusher
from gateway.ws.metrics import WsMetrics
from tests.unit.core.fanout.words import answer, delta, feed, make_client, snapshot


class Wire:
    """What was written to a client, and how often the loop had turned by then."""

    turns = 0

    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []

    def write(self, frame: bytes) -> None:
        self.written.append((Wire.turns, frame))


async def count_turns() -> None:
    while True:
        Wire.turns += 1
        await asyncio.sleep(0)


def watching(hub: Hub, count: int) -> list[Client]:
    clients = [make_client(hub) for _ in range(count)]
    for client in clients:
        client.sink = Wire()
        hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    return clients


def test_a_flush_to_many_turns_the_loop_after_each_slice_and_the_next_comes_after_it() -> None:
    async def story() -> None:
        hub = Hub(HubLimits(flush_ms=1))
        clients = watching(hub, 2 * SLICE + 10)
        flusher = Flusher(hub, WsMetrics(dict), lambda: None)
        flusher.finish()  # their snapshots
        turning = asyncio.create_task(count_turns())
        feed(hub, delta("A", 1, 2))
        flusher.poke()
        while not clients[0].sink.written[1:]:  # noqa: ASYNC110 - the loop's own turns are what counts
            await asyncio.sleep(0)
        hub.disconnect(clients[-1])  # goes between two slices
        feed(hub, delta("A", 2, 3))
        flusher.poke()
        while len(clients[-2].sink.written) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
        turning.cancel()
        flusher.close()
        frames = [frame for _turn, frame in clients[0].sink.written]
        assert [b'"sequence": 2' in frames[1], b'"sequence": 3' in frames[2]] == [True, True]
        for client in clients[:-1]:
            assert [frame for _turn, frame in client.sink.written] == frames
        assert len(clients[-1].sink.written) == 1, "who is gone gets nothing more"
        assert len({client.sink.written[1][0] for client in clients[:-1]}) == 3, "the loop turned after each slice"

    asyncio.run(story())


def test_what_comes_when_nothing_waits_is_written_before_the_reader_goes_on() -> None:
    async def story() -> None:
        hub = Hub(HubLimits(flush_ms=60_000))
        (client,) = watching(hub, 1)
        flusher = Flusher(hub, WsMetrics(dict), lambda: None)
        flusher.poke_now()
        assert len(client.sink.written) == 1, "its snapshot"
        feed(hub, delta("A", 1, 2))
        flusher.poke_now()
        assert len(client.sink.written) == 1, "so soon after a flush it waits for company"
        flusher.close()

    asyncio.run(story())
