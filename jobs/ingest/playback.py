"""A recorded session as if it came now: at once, as fast as it was, or so many times as fast.

``tapeflow ingest --play`` hands the frames to the intake by this. Paced, what is due is flushed before it waits, so a
trade reaches the topic when its moment comes.
"""

from collections.abc import Callable, Iterable

from feeds.recording import Frame
from jobs.ingest.intake import Intake

__all__ = ["play"]


def play(
    frames: Iterable[Frame],
    intake: Intake,
    speed: float | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Every frame, in order; ``speed`` None: at once. ``clock`` in s. Raises as Intake.take does."""
    began, first_us = clock(), None
    for frame in frames:
        if speed is not None:
            first_us = frame.received_us if first_us is None else first_us
            wait_s = began + (frame.received_us - first_us) / 1_000_000 / speed - clock()
            if wait_s > 0:
                intake.flush()
                sleep(wait_s)
        intake.take(frame)
    intake.flush()
