import ctypes
import sys

import numpy as np
import pytest
from confluent_kafka import Consumer, Producer

from connectors.kafka.native_poll import NULL_KEY, JoinedKeys, find_handle, native_obstacle

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.mark.compiled
@linux_only
def test_the_pinned_client_can_be_read_natively() -> None:
    assert native_obstacle() == ""


@linux_only
def test_a_consumers_handle_is_found_and_nothing_else_is_taken_for_one() -> None:
    consumer = Consumer({"group.id": "any", "client.id": "someone"})
    producer = Producer({})
    try:
        assert find_handle(consumer) > 0
        assert find_handle(producer) == 0
        assert find_handle([1, 2, 3]) == 0
        assert find_handle(ctypes.create_string_buffer(64)) == 0
        assert find_handle(object) == 0
    finally:
        consumer.close()


def test_keys_are_cut_out_of_their_buffer() -> None:
    keys = JoinedKeys(b"abcd", np.array([1, 1, 1, 4]), np.array([0, NULL_KEY, 0, 0], np.uint8))
    assert list(keys) == [keys[index] for index in range(4)]
    assert [keys[index] for index in range(4)] == [b"a", None, b"", b"bcd"]
