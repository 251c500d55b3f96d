"""An answer in parts: whole, or visibly broken off."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.rest import streaming
from gateway.rest.streaming import CUT, PIECE_BYTES, send_stream


class Client:
    """The other end of one connection: ``slow`` never takes a part, ``leaves_after`` so many it is gone."""

    def __init__(self, *, slow: bool = False, leaves_after: int = 10**9) -> None:
        self.sent: list[dict[str, Any]] = []
        self.was_cut = False
        self._slow, self._leaves_after = slow, leaves_after
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.sent:
            return {"type": "http.request", "body": b""}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._slow and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(message)
        if len(self.sent) > self._leaves_after:
            self._gone.set()
        await asyncio.sleep(0)

    def cut(self) -> None:
        self.was_cut = True
        self._gone.set()

    async def get(self, parts: AsyncGenerator[bytes, None], *, head: bool = False) -> bytes:
        scope = {"extensions": {CUT: self.cut}}
        await send_stream(200, [(b"a", b"b")], parts, scope, self.receive, self.send, head=head)
        return b"".join(each.get("body", b"") for each in self.sent)


ended: list[str] = []


async def parts_of(*bodies: bytes, failing: bool = False) -> AsyncGenerator[bytes, None]:
    try:
        for body in bodies:
            yield body
        if failing:
            raise ValueError("the store is gone")
    finally:
        ended.append("parts")


@pytest.fixture(autouse=True)
def nothing_ended() -> None:
    ended.clear()


def test_parts_are_sent_in_pieces_and_end() -> None:
    async def run() -> None:
        client = Client()
        big = bytes(PIECE_BYTES * 2 + 1)
        assert await client.get(parts_of(b"x", b"", big)) == b"x" + big
        assert client.sent[0] == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
        assert max(len(each.get("body", b"")) for each in client.sent) == PIECE_BYTES
        assert [each["more_body"] for each in client.sent[1:]] == [True] * 4 + [False]
        assert not client.was_cut

    asyncio.run(run())


def test_a_source_that_fails_cuts_the_connection_and_the_log_says_why() -> None:
    async def run() -> None:
        client = Client()
        with capture_logs() as lines:
            await client.get(parts_of(b"x", failing=True))
        assert client.was_cut
        assert all(each.get("more_body", True) for each in client.sent), "it never looks whole"
        assert (lines[0]["event"], "the store is gone" in lines[0]["reason"]) == ("answer_cut", True)

    asyncio.run(run())


def test_a_server_that_knows_no_cut_is_left_with_an_unfinished_answer() -> None:
    async def run() -> None:
        client = Client()
        await send_stream(200, [], parts_of(b"x", failing=True), {}, client.receive, client.send, head=False)
        assert all(each.get("more_body", True) for each in client.sent)

    asyncio.run(run())


def test_a_client_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SEND_S_MAX", 0.02)

    async def run() -> None:
        client = Client(slow=True)
        await client.get(parts_of(b"x"))
        assert client.was_cut
        assert ended == ["parts"]

    asyncio.run(run())


def test_a_client_that_leaves_ends_the_work() -> None:
    async def run() -> None:
        client = Client(leaves_after=2)
        got = await client.get(parts_of(*[b"x"] * 1000))
        assert len(got) < 1000
        assert (client.was_cut, ended) == (False, ["parts"])

    asyncio.run(run())


def test_head_asks_for_no_part() -> None:
    async def run() -> None:
        client = Client()
        assert await client.get(parts_of(b"x"), head=True) == b""
        assert len(client.sent) == 2

    asyncio.run(run())
