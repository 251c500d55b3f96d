"""What a venue's file must offer; feeds.venues lists those that there are.

A venue is pure translation: frames in, rows out, without a connection, a clock or any state. Sessions and recordings
(jobs.ingest) bring the bytes.
"""

from typing import Protocol

from feeds.rows import Told

__all__ = ["Venue"]


class Venue(Protocol):
    """name: as a user says it; exchange: as trades carry it; addresses: how those of its WebSocket begin."""

    @property
    def name(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def addresses(self) -> tuple[str, ...]: ...

    def told(self, frame: bytes, received_us: int) -> Told:
        """What a frame tells. received_us: when it came, for what the venue gives no time of its own."""
        ...
