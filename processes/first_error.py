"""The first error that a flow's own code raised, remembered on its way into the engine.

processes.worker watches its flow by it. In a cluster the engine loses the error: its threads to the other processes
panic while they are dropped, and that panic takes the error's place. So what the engine calls of ours (functions of
steps, parts of sources and sinks, the state of steps) is wrapped once, before the flow runs. What the engine's own
writing of snapshots met is lost too; how much room there was for them is noted instead, again and again, as a disk that
gets full does so between two snapshots.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Final

from bytewax.dataflow import Dataflow

__all__ = ["FirstError"]

FUNCTIONS: Final = ("mapper", "builder")
NOTED_S: Final = 0.02
METHODS: Final = ("build", "build_part", "list_parts", "part_fn")
CALLS: Final = ("next_batch", "write_batch", "snapshot", "on_batch", "on_notify", "on_eof", "notify_at", "next_awake")


class FirstError:
    """``error`` is None until something was raised. ``free_bytes``: of the disk of the recovery folder, when the engine
    took the last snapshot or asked a source after NOTED_S or more; None before."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.free_bytes: int | None = None
        self._noted_s = 0.0
        self._folder = Path()

    def watch(self, flow: Dataflow, folder: Path) -> None:
        """Of every step of ``flow``, which works as before; ``folder`` takes its snapshots."""
        self._folder = folder
        for step in _steps(flow):
            for name in FUNCTIONS:
                if hasattr(step, name):
                    # Steps are frozen, as nobody is to change what they do; this doesn't.
                    object.__setattr__(step, name, self._remembering(getattr(step, name)))
            for end in (getattr(step, "source", None), getattr(step, "sink", None)):
                self._wrap(end, METHODS)

    def _wrap(self, target: object, names: tuple[str, ...]) -> None:
        for name in names:
            if hasattr(target, name):
                setattr(target, name, self._remembering(getattr(target, name)))

    def _remembering(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def remembering(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except StopIteration:
                raise
            except BaseException as error:
                self.error = self.error or error
                raise
            if isinstance(result, Iterator):  # many steps work only when the engine takes what they give
                return self._through(result)
            if function.__name__ in ("next_batch", "snapshot"):
                self._note_room(function.__name__ == "snapshot")
            elif function.__name__ in ("build", "build_part") or hasattr(result, "on_batch"):
                self._wrap(result, CALLS)
            return result

        return remembering

    def _note_room(self, at_once: bool) -> None:
        now_s = time.monotonic()
        if at_once or now_s - self._noted_s >= NOTED_S:
            self._noted_s = now_s
            with suppress(OSError):  # the engine meets it too, and says more
                self.free_bytes = shutil.disk_usage(self._folder).free

    def _through(self, items: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from items
        except BaseException as error:
            self.error = self.error or error
            raise


def _steps(inside: Any) -> Iterator[Any]:
    for step in inside.substeps:
        yield step
        yield from _steps(step)
