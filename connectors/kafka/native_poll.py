"""The same as MessagePoll without Message objects: compiled code copies records out of librdkafka's own memory.

It uses the librdkafka that the Kafka client has loaded, on the handle inside the client's Consumer, which still
assigns, pauses and closes. Each partition's queue is taken out of the common one and drained by
``rd_kafka_consume_batch_queue``; the common queue, where callbacks arrive, stays with the client. Nothing is guessed:
versions, symbols and the handle are proved first, and any doubt means MessagePoll. It exists because a Message object
costs more than decoding and aggregating the trade in it.
"""

import ctypes
import os
import select
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import confluent_kafka
import llvmlite.binding  # type: ignore[import-untyped]
import numba
import numpy as np
from confluent_kafka import TopicPartition
from numba import types

from connectors.kafka.log import KafkaLog
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.poll import NO_OFFSET, PARTITION_EOF, Drained, MessagePoll, Poll, cached_watermarks
from connectors.kafka.questions import open_consumer
from kernels.kernel import kernel
from schemas.columns import Bytes, Longs, RawBatch, Words
from schemas.errors import SettingError
from schemas.traces import TRACEPARENT, TRACEPARENT_BYTES, BatchTrace

__all__ = ["JoinedKeys", "NativePoll", "find_handle", "native_obstacle", "open_poll"]

_word: Any = types.uintp
_external: Any = types.ExternalFunction
# Addresses travel as unsigned words, which the calling convention treats as pointers.
_consume = _external("rd_kafka_consume_batch_queue", types.intp(_word, types.int32, _word, _word))
_destroy = _external("rd_kafka_message_destroy", types.void(_word))
_timestamp = _external("rd_kafka_message_timestamp", types.int64(_word, _word))
_headers = _external("rd_kafka_message_headers", types.int32(_word, _word))
_header = _external("rd_kafka_header_get_last", types.int32(_word, _word, _word, _word))
_memcpy = _external("memcpy", _word(_word, _word, _word))

# rd_kafka_message_t of rdkafka.h, in 8-byte words: err, rkt, partition, payload, len, key, key_len, offset, _private.
MESSAGE_WORDS: Final = 9
ERROR, PARTITION, PAYLOAD, LENGTH, KEY, KEY_LENGTH, OFFSET = 0, 2, 3, 4, 5, 6, 7
NULL_VALUE: Final = 1
NULL_KEY: Final = 2
BYTES_HEADER: Final = bytes.__basicsize__ - 1
HANDLE_AT: Final = object.__basicsize__  # rd_kafka_t* is the first field after the object header
CONSUMER_KIND: Final = 1
HOUSEKEEPING_S: Final = 0.1
_SYMBOLS: Final = (
    "queue_get_partition", "queue_forward", "queue_io_event_enable", "queue_destroy", "name", "type",
    "message_headers", "header_get_last",
)  # fmt: skip
HEADER_NAME: Final[Bytes] = np.frombuffer(TRACEPARENT.encode() + b"\0", np.uint8)
LETTERS: Final = ord("a")
NO_ROOM: Final[Bytes] = np.empty((0, TRACEPARENT_BYTES), np.uint8)


@kernel
def take(queue: int, pointers: Longs, partition: int, sizes: Longs) -> int:
    """Fill ``pointers`` with messages of ``queue``, without waiting; returns their number.

    -1 when one is of another partition. sizes: int64[2], set to the bytes of all values and of all keys.
    """
    count = _consume(np.uintp(queue), np.int32(0), np.uintp(pointers.ctypes.data), np.uintp(len(pointers)))
    message = np.empty(MESSAGE_WORDS, np.int64)
    at = np.uintp(message.ctypes.data)
    values = 0
    keys = 0
    for index in range(count):
        _memcpy(at, np.uintp(pointers[index]), np.uintp(8 * MESSAGE_WORDS))
        if np.int32(message[PARTITION] & 0xFFFFFFFF) != partition:
            return -1
        if np.int32(message[ERROR] & 0xFFFFFFFF) == 0:
            values += message[LENGTH]
            keys += message[KEY_LENGTH]
    sizes[0] = values
    sizes[1] = keys
    return int(count)


@kernel
def find_traceparent(places: Words, found: Bytes) -> bool:
    """Copy the header traceparent to ``found``, uint8[55]; False where there is none of that length that says sampled.

    places: uint64[3], where a message's headers lie, and room for where a value lies and its size.
    """
    at = places.ctypes.data
    if _header(np.uintp(places[0]), np.uintp(HEADER_NAME.ctypes.data), np.uintp(at + 8), np.uintp(at + 16)) != 0:
        return False
    if places[2] < TRACEPARENT_BYTES:
        return False
    _memcpy(np.uintp(found.ctypes.data), np.uintp(places[1]), np.uintp(TRACEPARENT_BYTES))
    last = found[TRACEPARENT_BYTES - 1]
    return bool((last & 1) == (last < LETTERS))  # the digits 1, 3, … and b, d, f: see schemas.traces.is_sampled


@kernel
def copy(
    pointers: Longs, count: int, data: int, keys: int, columns: Longs, flags: Bytes, facts: Longs, contexts: Bytes
) -> int:
    """Copy ``count`` messages to the buffers at addresses ``data`` and ``keys`` and free them; the number of records.

    columns: int64[4, count], rows being value ends, key ends, offsets, timestamps. flags: uint8[count].
    facts: int64[6], set to end offset, error, its offset, number of null values, of null keys, of traceparents.
    contexts: uint8[m, 55], room for traceparents; with m == 0 nobody looks for any.
    """
    message = np.empty(MESSAGE_WORDS, np.int64)
    at = np.uintp(message.ctypes.data)
    kind = np.zeros(1, np.int32)
    kind_at = np.uintp(kind.ctypes.data)
    places = np.zeros(3, np.uint64)
    places_at = np.uintp(places.ctypes.data)
    value_end = 0
    key_end = 0
    good = 0
    for index in range(count):
        pointer = np.uintp(pointers[index])
        _memcpy(at, pointer, np.uintp(8 * MESSAGE_WORDS))
        error = np.int32(message[ERROR] & 0xFFFFFFFF)
        if error == 0:
            _memcpy(np.uintp(data + value_end), np.uintp(message[PAYLOAD]), np.uintp(message[LENGTH]))
            value_end += message[LENGTH]
            _memcpy(np.uintp(keys + key_end), np.uintp(message[KEY]), np.uintp(message[KEY_LENGTH]))
            key_end += message[KEY_LENGTH]
            flag = 0
            if message[PAYLOAD] == 0:
                flag |= NULL_VALUE
                facts[3] += 1
            if message[KEY] == 0:
                flag |= NULL_KEY
                facts[4] += 1
            flags[good] = flag
            columns[0, good] = value_end
            columns[1, good] = key_end
            columns[2, good] = message[OFFSET]
            stamp = _timestamp(pointer, kind_at)
            columns[3, good] = stamp if kind[0] != 0 else -1
            # Of a record without headers librdkafka says so at once; it takes them apart only when asked for one.
            if facts[5] < len(contexts) and _headers(pointer, places_at) == 0:
                facts[5] += find_traceparent(places, contexts[facts[5]])
            good += 1
        elif error == PARTITION_EOF:
            facts[0] = message[OFFSET]
        else:
            facts[1] = error
            facts[2] = message[OFFSET]
        _destroy(pointer)
    return good


class JoinedKeys:
    """Keys side by side in one buffer."""

    __slots__ = ("_data", "_ends", "_flags")

    def __init__(self, data: bytes, ends: Longs, flags: Bytes) -> None:
        self._data, self._ends, self._flags = data, ends, flags

    def __getitem__(self, index: int) -> bytes | None:
        if self._flags[index] & NULL_KEY:
            return None
        return self._data[int(self._ends[index - 1]) if index else 0 : int(self._ends[index])]

    def __iter__(self) -> Iterator[bytes | None]:
        start = 0
        for end, flags in zip(self._ends.tolist(), self._flags.tolist(), strict=True):
            yield None if flags & NULL_KEY else self._data[start:end]
            start = end


def _library_path() -> str:
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")
            if "librdkafka" in os.path.basename(path[2]):
                return path[1] + path[2]
    return ""


def _load() -> ctypes.CDLL:
    """The librdkafka that the Kafka client has loaded, and none other. Raises OSError when it can't be told."""
    path = _library_path()
    if not path:
        raise OSError("the Kafka client has its librdkafka linked in")
    library = ctypes.CDLL(path)
    library.rd_kafka_version_str.restype = ctypes.c_char_p
    version = library.rd_kafka_version_str().decode()
    if version != confluent_kafka.libversion()[0]:
        raise OSError(f"librdkafka {version} is not the client's {confluent_kafka.libversion()[0]}")
    for symbol in _SYMBOLS:
        getattr(library, f"rd_kafka_{symbol}")
    library.rd_kafka_name.restype = ctypes.c_char_p
    library.rd_kafka_name.argtypes = [ctypes.c_void_p]
    library.rd_kafka_type.argtypes = [ctypes.c_void_p]
    library.rd_kafka_queue_get_partition.restype = ctypes.c_void_p
    library.rd_kafka_queue_get_partition.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32]
    library.rd_kafka_queue_forward.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.rd_kafka_queue_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_queue_io_event_enable.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    llvmlite.binding.load_library_permanently(path)
    return library


def native_obstacle() -> str:
    """Why this process can't take records natively; empty when it can."""
    if sys.platform != "linux" or sys.implementation.name != "cpython" or sys.maxsize < 2**63 - 1:
        return "needs 64-bit CPython on Linux"
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return "the compiler is switched off"
    try:
        _load()
    except (OSError, AttributeError) as error:
        return str(error)
    return ""


def find_handle(consumer: Any) -> int:
    """Address of the rd_kafka_t in ``consumer``, or 0 when what is found there isn't proved to be one.

    Memory is read through /proc/self/mem, where a wrong address is an error and not a crash; librdkafka is only called
    once the struct is known to carry a consumer's name.
    """
    handle = ctypes.c_void_p.from_address(id(consumer) + HANDLE_AT).value or 0
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    try:
        seen = os.pread(memory, 8192, handle)
    except (OSError, OverflowError):
        return 0
    finally:
        os.close(memory)
    library = _load()
    if b"#consumer-" not in seen or library.rd_kafka_type(handle) != CONSUMER_KIND:
        return 0
    return handle if b"#consumer-" in library.rd_kafka_name(handle) else 0


_new_bytes = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.restype = ctypes.py_object
_new_bytes.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]


class NativePoll:
    """Poll on librdkafka's partition queues."""

    def __init__(self, options: KafkaReadOptions, consumer: Any, log: KafkaLog, handle: int) -> None:
        self._topic = options.topic
        self._traced = options.traced
        self._consumer = consumer
        self._log = log
        self._handle = handle
        self._library = _load()
        self._queues: dict[int, int] = {}
        self._pointers = np.empty(options.batch_records_max, np.int64)
        self._sizes = np.zeros(2, np.int64)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._one = ctypes.c_uint64(1)
        self._waiter = select.poll()
        self._waiter.register(self._wake, select.POLLIN)
        self._housekeeping_at = 0.0

    def assign(self, offsets: Mapping[int, int]) -> None:
        for partition in offsets.keys() - self._queues.keys():
            queue = self._library.rd_kafka_queue_get_partition(self._handle, self._topic.encode(), partition)
            # Before the assignment: librdkafka then leaves the queue alone instead of leading it to the common one.
            self._library.rd_kafka_queue_forward(queue, None)
            self._library.rd_kafka_queue_io_event_enable(queue, self._wake, ctypes.byref(self._one), 8)
            self._queues[partition] = queue
        self._warm_up()
        self._consumer.assign([TopicPartition(self._topic, partition, at) for partition, at in offsets.items()])

    def wait(self, seconds: float) -> None:
        self._serve_callbacks()
        if self._waiter.poll(seconds * 1000):
            os.eventfd_read(self._wake)

    def drain(self, partitions: Iterable[int], records_max: int) -> dict[int, Drained]:
        self._serve_callbacks()
        found = {}
        for partition in partitions:
            if (drained := self._drain(partition, records_max)) is not None:
                found[partition] = drained
        return found

    def watermarks(self, partition: int) -> tuple[int, int]:
        return cached_watermarks(self._consumer, self._topic, partition)

    def pause(self, partition: int) -> None:
        self._consumer.pause([TopicPartition(self._topic, partition)])

    def close(self) -> None:
        for queue in self._queues.values():
            self._library.rd_kafka_queue_io_event_enable(queue, -1, None, 0)
            self._library.rd_kafka_queue_destroy(queue)
        self._queues = {}
        self._consumer.close()
        os.close(self._wake)

    def _warm_up(self) -> None:
        # Compiling, or loading what was compiled, takes a tenth of a second or more, which no record should wait for.
        none, flags = np.empty((4, 0), np.int64), np.empty(0, np.uint8)
        for partition, queue in self._queues.items():
            if take(queue, self._pointers[:0], partition, self._sizes) == 0:
                copy(self._pointers, 0, 0, 0, none, flags, np.zeros(6, np.int64), NO_ROOM)

    def _serve_callbacks(self) -> None:
        # Log lines and connection errors come through the common queue, which only the client may serve: its
        # callbacks need the state that it sets up around its own calls.
        now = time.monotonic()
        if now < self._housekeeping_at:
            return
        self._housekeeping_at = now + HOUSEKEEPING_S
        message = self._consumer.poll(0)
        if message is not None:
            assert message.error() is not None, "a record came through the common queue"
            self._log.error(message.error())

    def _drain(self, partition: int, records_max: int) -> Drained | None:
        began_ns = time.time_ns() if self._traced else 0
        pointers = self._pointers[:records_max]
        count = take(self._queues[partition], pointers, partition, self._sizes)
        if count <= 0:
            assert count == 0, "a record of another partition lay in the queue"
            return None
        data: bytes = _new_bytes(None, int(self._sizes[0]))
        keys: bytes = _new_bytes(None, int(self._sizes[1]))
        columns = np.empty((4, count), np.int64)
        flags = np.empty(count, np.uint8)
        facts = np.array([NO_OFFSET, 0, NO_OFFSET, 0, 0, 0], np.int64)
        contexts = np.empty((self._traced(count) if self._traced else 0, TRACEPARENT_BYTES), np.uint8)
        good = copy(pointers, count, id(data) + BYTES_HEADER, id(keys) + BYTES_HEADER, columns, flags, facts, contexts)
        end_offset, error, error_offset, nulls, _, traced = facts.tolist()
        drained = Drained(None, end_offset, error, error_offset)
        if good:
            drained.batch = RawBatch(
                topic=self._topic,
                partition=partition,
                data=data,
                ends=columns[0, :good],
                offsets=columns[2, :good],
                timestamps_ms=columns[3, :good],
                keys=JoinedKeys(keys, columns[1, :good], flags[:good]),
                nulls=np.flatnonzero(flags[:good] & NULL_VALUE).tolist() if nulls else (),
            )
            if self._traced:
                texts = [each.tobytes().decode("latin-1") for each in contexts[:traced]]
                drained.batch.trace = BatchTrace(began_ns, texts)
        return drained


def open_poll(options: KafkaReadOptions, partitions: int) -> Poll:
    """The faster Poll that works here, for about ``partitions`` partitions; says in the log which one and why.

    Raises SettingError when the client refuses its properties, or ``native`` is asked for and can't be had.
    """
    log = KafkaLog(options.topic)
    obstacle = "switched off by the poll option" if options.poll == "messages" else native_obstacle()
    consumer = open_consumer(options, log, 1 if obstacle else partitions)
    if not obstacle:
        if handle := find_handle(consumer):
            return NativePoll(options, consumer, log, handle)
        obstacle = "the client's handle was not found"
    if options.poll == "native":
        consumer.close()
        raise SettingError(f"records can't be read natively: {obstacle}", mend="set poll to auto")
    log.say("poll", "native_reads_ruled_out", why=obstacle)
    return MessagePoll(options, consumer, log)
