"""Publishing by hand: one message into a channel or the event stream, as a flow would write it.

Used by ``tapeflow publish`` and by tests; gateways read what it writes.
"""

import time
from typing import Any

from gateway.stores.redis_pool import Redis
from schemas.channels import ENTRIES_KEPT, event_fields, publish_target

__all__ = ["publish"]


async def publish(
    redis: Redis, name: str, data: bytes, *, kind: str = "", user: str = "", symbols: tuple[str, ...] = ()
) -> str:
    """Adds one entry and returns its id. ``name``: a channel or an event type; ``kind``: another message type.

    Raises InputError for a wrong name or for data that is no JSON object.
    """
    stream, usual = publish_target(name)
    fields = event_fields(kind or usual, data, written_ms=time.time_ns() // 1_000_000, user=user, symbols=symbols)
    entry: dict[Any, Any] = {**fields}
    entry_id = await redis.xadd(stream, entry, maxlen=ENTRIES_KEPT, approximate=True)
    return entry_id.decode() if isinstance(entry_id, bytes) else str(entry_id)
