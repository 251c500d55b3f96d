"""Two halves of a connection: bytes go both ways, a slow side holds the other back, and both end."""

import asyncio
import socket

from gateway.ws.splice import Splice


async def spliced() -> tuple[socket.socket, socket.socket, asyncio.Event, tuple[Splice, Splice]]:
    """The far ends of two connections whose near ends are one; the event is set once both have ended."""
    loop, ended, both = asyncio.get_running_loop(), list[str](), asyncio.Event()

    def end_of(name: str) -> None:
        ended.append(name)
        if sorted(ended) == ["one", "two"]:
            both.set()

    (left, near), (right, far) = socket.socketpair(), socket.socketpair()
    one, two = Splice(lambda: end_of("one")), Splice(lambda: end_of("two"))
    one.other, two.other = two, one
    for end, protocol in ((near, one), (far, two)):
        await loop.create_connection(lambda protocol=protocol: protocol, sock=end)  # type: ignore[misc]
    for end in (left, right):
        end.setblocking(False)
    return left, right, both, (one, two)


async def read(end: socket.socket, count: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < count and (part := await asyncio.wait_for(loop.sock_recv(end, 65_536), 5)):
        data += part
    return data


def test_bytes_go_both_ways_and_what_was_sent_before_the_end_arrives() -> None:
    async def story() -> None:
        left, right, both, _ = await spliced()
        left.send(b"question")
        assert await read(right, 8) == b"question"
        right.send(b"answer")
        right.close()
        assert await read(left, 100) == b"answer"
        await asyncio.wait_for(both.wait(), 5)
        left.close()

    asyncio.run(story())


def test_a_side_that_does_not_read_holds_the_other_back() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        left, right, _, (one, _) = await spliced()
        data, sent = b"x" * 65_536, 0
        try:
            while sent < 64 * len(data):
                sent += await asyncio.wait_for(loop.sock_sendall(left, data), 0.3) or len(data)
        except TimeoutError:
            pass
        assert sent < 64 * len(data), "nobody read, and all was taken"
        assert not one.transport.is_reading()
        assert len(await read(right, sent)) >= sent
        for end in (left, right):
            end.close()

    asyncio.run(story())


def test_a_side_that_is_not_there_yet_loses_nothing() -> None:
    closed: list[str] = []
    one, two = Splice(lambda: closed.append("one")), Splice(lambda: closed.append("two"))
    one.other, two.other = two, one
    one.connection_lost(None)
    assert (closed, two.other) == (["one"], None)
    two.buffer_updated(5)
    two.pause_writing()
    two.resume_writing()
    assert not two.eof_received()
