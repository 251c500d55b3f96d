"""The client side of the fan-out bench: many WebSocket connections read by one epoll loop, every message checked.

Messages have one fixed size and carry a sequence, that of the one before, and the sender's monotonic time at fixed
places, so a chunk of them is checked by slicing. A message out of order, missing or of another size is an error, never
a lower count. Snapshots, which have another size, come first and end ``subscribe``.
"""

import json
import select
import socket
import struct
import time
from dataclasses import dataclass, field

__all__ = ["FIRST_SEQUENCE", "MESSAGE_BYTES", "Reader", "message", "sequence_of", "snapshot"]

MESSAGE_BYTES = 200
FIRST_SEQUENCE = 10**11
HEAD = 4  # of a frame with 126..65535 bytes
FRAME = HEAD + MESSAGE_BYTES
STAMP_AT = HEAD + len('{"type":"delta","symbol":"S0000","bid":')
SEQUENCE_AT = STAMP_AT + 19 + len(',"sequence":')
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def message(symbol: int, sequence: int) -> bytes:
    """A delta of exactly MESSAGE_BYTES, stamped now."""
    head = f'{{"type":"delta","symbol":"S{symbol:04d}","bid":{time.monotonic_ns():019d},"sequence":{sequence}'
    head = head.replace('"bid":0', '"bid":1', 1)  # JSON has no leading zeros; 19 digits whatever the uptime
    tail = f',"previous":{sequence - 1},"timestamp":1767225600123,"exchange":"'
    return f'{head}{tail}{"x" * (MESSAGE_BYTES - len(head) - len(tail) - 2)}"}}'.encode()


def sequence_of(data: bytes) -> int:
    """The sequence of a message."""
    return int(data[SEQUENCE_AT - HEAD : SEQUENCE_AT - HEAD + 12])


def snapshot(symbol: int, sequence: int = FIRST_SEQUENCE) -> bytes:
    """The state, before the first message unless said otherwise, longer than 125 bytes as every frame here."""
    fields = {"type": "snapshot", "symbol": f"S{symbol:04d}", "bid": 1, "timestamp": 1, "exchange": "x" * 100}
    return json.dumps({**fields, "sequence": sequence}).encode()


@dataclass
class Connection:
    """One client; ``expected`` by symbol: the sequence that must come next, -1 while unknown."""

    link: socket.socket
    expected: dict[bytes, int] = field(default_factory=dict)
    rest: bytes = b""


class Reader:
    """``clients`` connections to 127.0.0.1:``port``."""

    def __init__(self, port: int, clients: int, path: str = "/ws/prices") -> None:
        self.epoll = select.epoll()
        self.by_number: dict[int, Connection] = {}
        self.messages = 0
        self.latencies_ns: list[int] = []
        for _ in range(clients):
            link = socket.create_connection(("127.0.0.1", port), timeout=10)
            link.sendall(UPGRADE.format(path=path).encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += link.recv(1)
            assert b" 101 " in head, head
            self.by_number[link.fileno()] = Connection(link)

    def subscribe(self, symbols: list[str]) -> None:
        """Subscribes every connection and waits for its snapshots."""
        self.send(json.dumps({"type": "subscribe", "symbols": symbols}))
        for connection in self.by_number.values():
            seen = 0
            data = b""
            while seen < len(symbols):
                while len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[2:4]):
                    end = 4 + int.from_bytes(data[2:4])
                    snapshot = json.loads(data[4:end])
                    assert snapshot["type"] == "snapshot", snapshot
                    connection.expected[snapshot["symbol"].encode()] = snapshot["sequence"] + 1
                    seen, data = seen + 1, data[end:]
                if seen < len(symbols):
                    data += connection.link.recv(65_536)
            connection.rest = data

    def send(self, text: str) -> None:
        """A text message from every connection."""
        data = text.encode()
        size = struct.pack("!BBH", 0x81, 0x80 | 126, len(data)) if len(data) > 125 else bytes((0x81, 0x80 | len(data)))
        for connection in self.by_number.values():
            connection.link.sendall(size + b"\0\0\0\0" + data)

    def watch(self) -> None:
        for number, connection in self.by_number.items():
            connection.link.setblocking(False)
            self.epoll.register(number, select.EPOLLIN)

    def read_for(self, seconds: float, most: int | None = None, *, latency: bool = False) -> None:
        """Reads until the time is over or ``most`` messages came."""
        end = time.monotonic() + seconds
        by_number, poll = self.by_number, self.epoll.poll
        while time.monotonic() < end and (most is None or self.messages < most):
            for number, _events in poll(0.02, 256):
                connection = by_number[number]
                chunk = connection.link.recv(262_144)
                assert chunk, "closed by the server"
                data = connection.rest + chunk if connection.rest else chunk
                self.take(connection, data, latency=latency)

    def take(self, connection: Connection, data: bytes, *, latency: bool) -> None:
        """Checks the whole frames of ``data`` and keeps the rest."""
        whole = len(data) // FRAME
        connection.rest = data[whole * FRAME :]
        self.messages += whole
        now_ns = time.monotonic_ns()
        expected = connection.expected
        for at in range(0, whole * FRAME, FRAME):
            symbol = data[at + STAMP_AT - 13 : at + STAMP_AT - 8]
            sequence = int(data[at + SEQUENCE_AT : at + SEQUENCE_AT + 12])
            due = expected.get(symbol, sequence)
            assert sequence == due, f"{symbol!r}: {sequence} came, {due} was due"
            expected[symbol] = sequence + 1
            if latency:
                self.latencies_ns.append((now_ns - int(data[at + STAMP_AT : at + STAMP_AT + 19])) % 10**18)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ns)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6 if ordered else float("nan")

    def close(self) -> None:
        self.epoll.close()
        for connection in self.by_number.values():
            connection.link.close()
