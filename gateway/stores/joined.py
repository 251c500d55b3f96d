"""Questions to a store that come at the same time are asked together.

Counters of limits and last prices of single symbols are asked so. Only one call is on its way at a time, and what
arrives meanwhile forms the next one: under load dozens of callers share a round trip, and a lone one waits for no
other. An answer is what asking alone would have given. A failure is that of everyone who waits by then, so nobody waits
for a store longer than one call may take.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

__all__ = ["Joined"]

Q = TypeVar("Q")
A = TypeVar("A")
TOGETHER_MAX: Final = 500


class Joined(Generic[Q, A]):
    """``ask_all``: one call for several questions, with an answer to each in their order."""

    def __init__(self, ask_all: Callable[[list[Q]], Awaitable[Sequence[A]]]) -> None:
        self._ask_all = ask_all
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer to one question; raises what ``ask_all`` raises."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
                answers = await self._ask_all([question for question, _ in batch])
                for (_, answer), given in zip(batch, answers, strict=True):
                    if not answer.done():  # else its caller has gone
                        answer.set_result(given)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            batch, self._waiting = batch + self._waiting, []
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        finally:
            self._asking = None
