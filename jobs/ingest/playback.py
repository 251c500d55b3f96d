"""A recorded session as if it came now: at once, as fast as it was, or so many times as fast.

``tapeflow ingest --play`` hands the frames to the intake by this. Paced, what is due is flushed before it waits, so a
trade reaches the topic when its moment comes.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from feeds.recording import Frame, address_of
from feeds.venue import Venue
from feeds.venues import VENUES, venue_at
from jobs.ingest.asked import venue_named
from jobs.ingest.intake import Intake
from schemas.errors import SettingError

__all__ = ["play", "venue_of"]


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


def venue_of(path: Path, name: str | None, mend: str = f"give --venue: {', '.join(VENUES)}") -> Venue:
    """Whose session it is: by ``name``, else by the address in it. Raises SettingError, which says ``mend``."""
    if name is not None:
        return venue_named(name, "--venue")
    address = address_of(path)
    found = venue_at(address) if address is not None else None
    if found is None:
        what = "the recording names no address" if address is None else f"no venue is known at {address[:100]}"
        raise SettingError(what, where=str(path), mend=mend)
    return found
