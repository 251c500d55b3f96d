"""Questions to a store that come at the same time are asked together.

Counters of limits and last prices of single symbols are asked so. Only one call is on its way at a time, and what
arrives meanwhile forms the next one: under load dozens of callers share a round trip, and a lone one waits for no
other. An answer is what asking alone would have given. A failure is every waiting caller's failure.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from gateway.stores.redis_pool import REDIS_ERRORS

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
        """The answer to one question; raises what ``ask_all`` raises of REDIS_ERRORS."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
                try:
                    answers: Sequence[A] | Exception = await self._ask_all([question for question, _ in batch])
                except REDIS_ERRORS as error:
                    answers = error
                for at, (_, answer) in enumerate(batch):
                    if answer.done():  # its caller has gone
                        continue
                    if isinstance(answers, Exception):
                        answer.set_exception(answers)
                    else:
                        answer.set_result(answers[at])
        finally:
            self._asking = None
