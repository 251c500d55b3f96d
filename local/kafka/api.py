"""The Kafka requests that the embedded broker answers, each in the narrow range of versions that clients negotiate to.

``server`` hands over one request at a time; the answer is a list of byte strings and file extents, which it sends
without reading them. What isn't offered in ``VERSIONS`` isn't half-answered: transactions, group membership
(``subscribe``), ACLs, quotas and configs are not here. Produce is offered from version 0, as brokers do, because
librdkafka switches compression codecs off when it isn't; only 5 to 7 are answered.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from local.kafka.codec import Reader, Writer
from local.kafka.log import BrokerError
from local.kafka.segment import Extent
from local.kafka.topics import Topics

__all__ = ["VERSIONS", "Api", "Part"]

Part = bytes | Extent

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 8, 9, 10
API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, DELETE_RECORDS = 18, 19, 20, 21
INIT_PRODUCER_ID, CREATE_PARTITIONS = 22, 37

VERSIONS: Final[dict[int, tuple[int, int]]] = {
    PRODUCE: (0, 7),
    FETCH: (11, 11),
    LIST_OFFSETS: (2, 3),
    METADATA: (5, 6),
    OFFSET_COMMIT: (6, 6),
    OFFSET_FETCH: (5, 5),
    FIND_COORDINATOR: (1, 2),
    API_VERSIONS: (0, 2),
    CREATE_TOPICS: (2, 4),
    DELETE_TOPICS: (1, 3),
    DELETE_RECORDS: (0, 1),
    INIT_PRODUCER_ID: (0, 1),
    CREATE_PARTITIONS: (0, 1),
}

UNSUPPORTED_VERSION: Final = 35
EARLIEST: Final = -2
LATEST: Final = -1
NODE: Final = 0
FETCH_PARTITION_MAX: Final = 64 << 20


class Api:
    """Answers requests for a broker that clients reach as ``host``:``port``."""

    def __init__(self, topics: Topics, host: str, port: int) -> None:
        self._topics = topics
        self._host = host
        self._port = port
        # Ids must not repeat after a restart, or a new producer would be taken for an old one.
        self._next_producer_id = time.time_ns() // 1000
        self._lock = threading.Lock()
        self._stopping = False
        self._handlers: dict[int, Callable[[Reader, int], list[Part] | None]] = {
            PRODUCE: self._produce,
            FETCH: self._fetch,
            LIST_OFFSETS: self._list_offsets,
            METADATA: self._metadata,
            OFFSET_COMMIT: self._offset_commit,
            OFFSET_FETCH: self._offset_fetch,
            FIND_COORDINATOR: self._find_coordinator,
            CREATE_TOPICS: self._create_topics,
            DELETE_TOPICS: self._delete_topics,
            DELETE_RECORDS: self._delete_records,
            INIT_PRODUCER_ID: self._init_producer_id,
            CREATE_PARTITIONS: self._create_partitions,
        }

    def stop(self) -> None:
        """Answer the fetches that wait."""
        self._stopping = True
        with self._topics.appended:
            self._topics.appended.notify_all()

    def answer(self, key: int, version: int, request: Reader) -> list[Part] | None:
        """The answer's body, None when the client wants none; ValueError for a request that can't be answered."""
        low, high = VERSIONS.get(key, (1, 0))
        if key == API_VERSIONS:
            return self._api_versions(version, supported=low <= version <= high)
        if not low <= version <= high:
            raise ValueError(f"request {key} version {version} is not offered")
        return self._handlers[key](request, version)

    @staticmethod
    def _api_versions(version: int, *, supported: bool) -> list[Part]:
        # A client that asks in a form too new gets the error in the oldest form, and asks again.
        out = Writer().int16(0 if supported else UNSUPPORTED_VERSION).int32(len(VERSIONS))
        for key, (low, high) in sorted(VERSIONS.items()):
            out.int16(key).int16(low).int16(high)
        if supported and version >= 1:
            out.int32(0)
        return [out.bytes()]

    def _metadata(self, request: Reader, _version: int) -> list[Part]:
        asked = request.nullable_array(Reader.text)
        create = request.boolean()
        names = self._topics.names() if asked is None else asked
        out = Writer().int32(0).int32(1).int32(NODE).text(self._host).int32(self._port).text(None)
        out.text("tapeflow-local").int32(NODE).int32(len(names))
        for name in names:
            try:
                count, error = len(self._topics.partitions(name, create=create)), 0
            except BrokerError as refused:
                count, error = 0, refused.code
            out.int16(error).text(name).boolean(False).int32(count)
            for partition in range(count):
                out.int16(0).int32(partition).int32(NODE).int32s([NODE]).int32s([NODE]).int32s([])
        return [out.bytes()]

    # -- records

    def _produce(self, request: Reader, version: int) -> list[Part] | None:
        if version < 5:
            raise ValueError("Produce below version 5 is offered in name only")
        transaction = request.nullable_text()
        if transaction is not None:
            raise ValueError("transactions are not offered")
        acks = request.int16()
        request.int32()
        topics = request.array(lambda r: (r.text(), r.array(lambda p: (p.int32(), p.data()))))
        out = Writer().int32(len(topics))
        for name, partitions in topics:
            out.text(name).int32(len(partitions))
            for partition, data in partitions:
                offset, start, error = -1, -1, 0
                try:
                    log = self._topics.log(name, partition)
                    offset, start = log.append(data), log.start_offset
                except BrokerError as refused:
                    error = refused.code
                out.int32(partition).int16(error).int64(offset).int64(-1).int64(start)
        with self._topics.appended:
            self._topics.appended.notify_all()
        return [out.int32(0).bytes()] if acks else None

    def _fetch(self, request: Reader, _version: int) -> list[Part]:
        request.int32()
        wait_ms, size_min, size_max = request.int32(), request.int32(), request.int32()
        request.int8()
        request.int32()
        request.int32()

        def wanted(r: Reader) -> tuple[int, int, int]:
            partition = r.int32()
            r.int32()
            offset = r.int64()
            r.int64()
            return partition, offset, r.int32()

        topics = request.array(lambda r: (r.text(), r.array(wanted)))
        deadline = time.monotonic() + wait_ms / 1000
        with self._topics.appended:
            while True:
                parts, size, failed = self._collect(topics, size_max)
                left = deadline - time.monotonic()
                if size >= size_min or failed or left <= 0 or self._stopping:
                    return parts
                self._topics.appended.wait(left)

    def _collect(
        self, topics: list[tuple[str, list[tuple[int, int, int]]]], size_max: int
    ) -> tuple[list[Part], int, bool]:
        """(answer, bytes of records in it, whether a partition has an error)."""
        parts: list[Part] = []
        total = 0
        failed = False
        out = Writer().int32(0).int16(0).int32(0).int32(len(topics))
        for name, partitions in topics:
            out.text(name).int32(len(partitions))
            for partition, offset, partition_size_max in partitions:
                extent, error, end, start = None, 0, -1, -1
                try:
                    log = self._topics.log(name, partition)
                    end, start = log.end_offset, log.start_offset
                    # The first batch goes out however large it is; beyond the limit nothing follows it.
                    if total < size_max or not total:
                        extent = log.read(offset, min(partition_size_max, size_max - total, FETCH_PARTITION_MAX))
                        end = log.end_offset
                except BrokerError as refused:
                    error, failed = refused.code, True
                if extent and total and total + extent.size > size_max:
                    extent = None
                size = extent.size if extent else 0
                out.int32(partition).int16(error).int64(end).int64(end).int64(start).int32(0).int32(-1).int32(size)
                if extent and size:
                    parts += [out.bytes(), extent]
                    out = Writer()
                    total += size
        parts.append(out.bytes())
        return parts, total, failed

    def _list_offsets(self, request: Reader, _version: int) -> list[Part]:
        request.int32()
        request.int8()
        topics = request.array(lambda r: (r.text(), r.array(lambda p: (p.int32(), p.int64()))))
        out = Writer().int32(0).int32(len(topics))
        for name, partitions in topics:
            out.text(name).int32(len(partitions))
            for partition, timestamp_ms in partitions:
                offset, found_ms, error = -1, -1, 0
                try:
                    log = self._topics.log(name, partition)
                    if timestamp_ms == LATEST:
                        offset = log.end_offset
                    elif timestamp_ms == EARLIEST:
                        offset = log.start_offset
                    else:
                        offset, found_ms = log.offset_at(timestamp_ms)
                except BrokerError as refused:
                    error = refused.code
                out.int32(partition).int16(error).int64(found_ms).int64(offset)
        return [out.bytes()]

    def _init_producer_id(self, request: Reader, _version: int) -> list[Part]:
        if request.nullable_text() is not None:
            raise ValueError("transactions are not offered")
        with self._lock:
            self._next_producer_id += 1
            return [Writer().int32(0).int16(0).int64(self._next_producer_id).int16(0).bytes()]

    # -- committed offsets

    def _find_coordinator(self, _request: Reader, _version: int) -> list[Part]:
        return [Writer().int32(0).int16(0).text(None).int32(NODE).text(self._host).int32(self._port).bytes()]

    def _offset_commit(self, request: Reader, _version: int) -> list[Part]:
        group = request.text()
        request.int32()
        request.text()

        def committed(r: Reader) -> tuple[int, int, str]:
            partition, offset = r.int32(), r.int64()
            r.int32()
            return partition, offset, r.text()

        topics = request.array(lambda r: (r.text(), r.array(committed)))
        self._topics.commit(
            group, {(name, part): (offset, meta) for name, parts in topics for part, offset, meta in parts}
        )
        out = Writer().int32(0).int32(len(topics))
        for name, partitions in topics:
            out.text(name).int32(len(partitions))
            for partition, _, _ in partitions:
                out.int32(partition).int16(0)
        return [out.bytes()]

    def _offset_fetch(self, request: Reader, _version: int) -> list[Part]:
        held = self._topics.committed(request.text())
        asked = request.nullable_array(lambda r: (r.text(), r.array(Reader.int32)))
        if asked is None:
            asked = [(name, [part for topic, part in held if topic == name]) for name in {topic for topic, _ in held}]
        out = Writer().int32(0).int32(len(asked))
        for name, partitions in asked:
            out.text(name).int32(len(partitions))
            for partition in partitions:
                offset, metadata = held.get((name, partition), (-1, ""))
                out.int32(partition).int64(offset).int32(-1).text(metadata).int16(0)
        return [out.int16(0).bytes()]

    # -- administration

    def _create_topics(self, request: Reader, _version: int) -> list[Part]:
        def assignment(r: Reader) -> int:
            r.int32()
            return len(r.array(Reader.int32))

        def topic(r: Reader) -> tuple[str, int]:
            name, count = r.text(), r.int32()
            r.int16()
            assigned = r.array(assignment)
            r.array(lambda c: (c.text(), c.nullable_text()))
            return name, len(assigned) or count

        topics = request.array(topic)
        request.int32()
        check_only = request.boolean()
        out = Writer().int32(0).int32(len(topics))
        for name, count in topics:
            error = 0 if check_only else _code(self._topics.create, name, count)
            out.text(name).int16(error).text(None)
        return [out.bytes()]

    def _create_partitions(self, request: Reader, _version: int) -> list[Part]:
        topics = request.array(lambda r: (r.text(), r.int32(), r.nullable_array(lambda a: a.array(Reader.int32)))[:2])
        request.int32()
        check_only = request.boolean()
        out = Writer().int32(0).int32(len(topics))
        for name, count in topics:
            error = 0 if check_only else _code(self._topics.grow, name, count)
            out.text(name).int16(error).text(None)
        return [out.bytes()]

    def _delete_topics(self, request: Reader, _version: int) -> list[Part]:
        names = request.array(Reader.text)
        out = Writer().int32(0).int32(len(names))
        for name in names:
            out.text(name).int16(_code(self._topics.delete, name))
        return [out.bytes()]

    def _delete_records(self, request: Reader, _version: int) -> list[Part]:
        topics = request.array(lambda r: (r.text(), r.array(lambda p: (p.int32(), p.int64()))))
        out = Writer().int32(0).int32(len(topics))
        for name, partitions in topics:
            out.text(name).int32(len(partitions))
            for partition, offset in partitions:
                start, error = -1, 0
                try:
                    start = self._topics.log(name, partition).delete_before(offset)
                except BrokerError as refused:
                    error = refused.code
                out.int32(partition).int64(start).int16(error)
        return [out.bytes()]


def _code(act: Callable[..., None], *arguments: str | int) -> int:
    try:
        act(*arguments)
    except BrokerError as refused:
        return refused.code
    return 0
