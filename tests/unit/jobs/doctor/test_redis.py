"""What doctor says of Redis's memory against the bounds of the settings."""

import pytest

from jobs.doctor.redis import leader_found, redis_memory
from sinks.redis.bounds import RedisBounds

GB = 10**9


@pytest.mark.parametrize(
    ("info", "symbols", "state", "says"),
    [
        ({"maxmemory": GB, "used_memory": 5_000_000}, 20_000, "ok", "5 MB used, 789 MB once every bound is reached"),
        ({"maxmemory": GB // 2}, 20_000, "warning", "with 20,000 symbols; maxmemory is 500 MB"),
        ({"maxmemory": 0, "total_system_memory": 8 * GB}, 20_000, "ok", "the machine's memory is 8,000 MB"),
        ({"maxmemory": 0, "total_system_memory": GB // 2}, 2_000, "warning", "the machine's memory is 500 MB"),
        ({}, 0, "ok", "0 MB used, 200 MB once every bound is reached, with 0 symbols"),
    ],
)
def test_the_sum_is_held_against_what_there_is(info: dict[str, int], symbols: int, state: str, says: str) -> None:
    found = redis_memory("redis memory", info, symbols, RedisBounds())
    assert found.state == state
    assert says in found.what
    assert bool(found.todo) == (state == "warning")


def test_what_is_to_be_done_names_the_limit_and_the_settings() -> None:
    found = redis_memory("redis memory", {"maxmemory": GB // 2}, 20_000, RedisBounds())
    assert found.todo == "set maxmemory to 987mb, or lower TAPEFLOW_STREAM_MB_MAX or TAPEFLOW_CANDLES_MB_MAX"


def test_a_standby_without_a_leader_is_a_warning() -> None:
    assert leader_found("host pid 7 beef").what == "host pid 7 beef"
    assert leader_found(None).state == "warning"
