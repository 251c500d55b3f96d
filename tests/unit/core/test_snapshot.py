"""A snapshot of another version, or of something else, is refused with the way out."""

import msgspec
import pytest

from core.rules import Rules
from core.shard import Shard
from core.snapshot import SNAPSHOT_VERSION, restore, snapshot
from schemas.errors import StateIncompatible


def test_an_empty_shard_survives() -> None:
    shard = restore(snapshot(Shard(Rules())), Rules())
    assert (len(shard.symbols), len(shard.open_bars())) == (0, 0)


def test_another_version_names_both_versions_and_the_mend() -> None:
    fields = msgspec.msgpack.decode(snapshot(Shard(Rules())))
    fields[0] = SNAPSHOT_VERSION + 1
    with pytest.raises(StateIncompatible, match=rf"version {SNAPSHOT_VERSION + 1}.*rebuilt from Kafka"):
        restore(msgspec.msgpack.encode(fields), Rules())


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    with pytest.raises(StateIncompatible):
        restore(b"\x93\x01\x02\x03", Rules())
