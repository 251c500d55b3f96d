"""Nobody is told too early, everybody is told in their order, and who has ended or was taken isn't told at all."""

import asyncio

from gateway.port.deadlines import Deadlines

SPAN_S = 0.05


def test_each_is_told_in_order_when_the_time_is_up() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        began: dict[str, float] = {}
        told: list[tuple[str, float]] = []
        all_told = asyncio.Event()

        def over(who: str) -> None:
            told.append((who, loop.time() - began[who]))
            if who == "last":
                all_told.set()

        waiting: Deadlines[str] = Deadlines(SPAN_S, over)
        for who in ("first", "ended", "taken", "second"):
            began[who] = loop.time()
            waiting.begin(who)
        waiting.begin("first")  # waits already: its time goes on
        waiting.end("ended")
        waiting.end("nobody")

        def later() -> None:
            assert waiting.take_oldest() == "first"
            began["last"] = began["first"] = loop.time()
            waiting.begin("first")
            waiting.begin("last")
            waiting.end("taken")

        loop.call_later(SPAN_S / 2, later)
        await asyncio.wait_for(all_told.wait(), 20)
        assert [who for who, _ in told] == ["second", "first", "last"]
        assert min(after_s for _, after_s in told) >= SPAN_S * 0.9
        assert waiting.take_oldest() is None

    asyncio.run(run())


def test_after_stop_nobody_is_told() -> None:
    async def run() -> None:
        told: list[str] = []
        stopped: Deadlines[str] = Deadlines(SPAN_S, told.append)
        stopped.begin("one")
        stopped.stop()
        ended = asyncio.Event()
        other: Deadlines[str] = Deadlines(SPAN_S * 2, lambda _: ended.set())
        other.begin("two")
        await asyncio.wait_for(ended.wait(), 20)
        assert told == []

    asyncio.run(run())
