"""Libraries whose insides we use: exactly the version that was looked at, or a test that says what to look at.

Elsewhere a newer version is taken when its tests pass. Here passing proves too little: bytes would be read from a wrong
place, or a private step would be left out. So the version is pinned with ``==``, and stands here a second time.
"""

import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import confluent_kafka
import pytest
from clickhouse_driver.connection import Connection
from clickhouse_driver.streams.native import BlockOutputStream

ROOT = Path(__file__).parents[2]


class Internals(NamedTuple):
    """What of a library we rely on beyond what it promises, and where."""

    package: str
    looked_at: str
    ours: str
    look: str


INTERNALS = (
    Internals(
        "confluent-kafka",
        "2.16.1",
        "connectors/kafka/native_poll.py",
        "rd_kafka_message_t of rdkafka.h (MESSAGE_WORDS) and where Consumer keeps its handle (HANDLE_AT)",
    ),
    Internals(
        "clickhouse-driver", "0.2.11", "sinks/clickhouse/sink.py", "Connection.send_data and BlockOutputStream.write"
    ),
    Internals(
        "numba", "0.68.1", "kernels/kernel.py", "_CacheLocator, CACHE_LOCATOR_CLASSES and what njit makes of _nrt"
    ),
    Internals(
        "bytewax", "0.21.1", "processes/engine_errors.py", "the words of its recovery and cluster errors, and its exits"
    ),
    Internals(
        "aiofastnet",
        "1.2.0",
        "gateway/ws/entrance.py",
        "SelectorSocketTransport as connect_accepted_socket makes it, its order of call_soon, and write_nocheck",
    ),
    Internals("limits", "5.8.0", "gateway/rest/shared_counts.py", "RedisStorage.incr and its bridge.prefixed_key"),
)


@pytest.mark.parametrize("used", INTERNALS, ids=lambda used: used.package)
def test_the_version_is_the_one_that_was_looked_at(used: Internals) -> None:
    found = version(used.package)
    assert found == used.looked_at, (
        f"{used.package} is {found}, and {used.ours} uses the insides of {used.looked_at}: "
        f"check {used.look}, then change the number here and in pyproject.toml"
    )
    assert (ROOT / used.ours).is_file()


@pytest.mark.parametrize("used", INTERNALS, ids=lambda used: used.package)
def test_the_project_asks_for_no_other_version(used: Internals) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    pinned = [each for each in asked if each.partition("=")[0].partition("[")[0] == used.package]
    assert [each.partition("==")[2] for each in pinned] == [used.looked_at]


def test_librdkafka_is_the_one_whose_layout_was_looked_at() -> None:
    found = confluent_kafka.libversion()[0]
    assert found == "2.16.0", (
        f"librdkafka is {found}, and connectors/kafka/native_poll.py has the layout of 2.16.0: "
        "check rd_kafka_message_t in rdkafka.h, then change the number here"
    )


def test_a_block_is_sent_as_the_driver_sends_it() -> None:
    """The steps of the driver that sinks/clickhouse/sink.py repeats, in their order, and none that it doesn't know."""
    steps = re.findall(
        r"(?:write_\w+|block\.info\.write|self\.\w+\.write|self\.finalize)(?=\()",
        inspect.getsource(Connection.send_data),
    )
    assert steps == ["write_varint", "write_binary_str", "self.block_out.write"]
    steps = re.findall(
        r"(?:write_\w+|block\.info\.write|self\.finalize)(?=\()", inspect.getsource(BlockOutputStream.write)
    )
    head = ["block.info.write", "write_varint", "write_varint"]
    assert steps == [
        *head,
        "write_binary_str",
        "write_binary_str",
        "write_binary_uint8",
        "write_column",
        "self.finalize",
    ]
