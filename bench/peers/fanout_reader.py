"""One client for every fan-out: messages are found by how they begin, whatever a server puts around and between them.

The connections, the messages and the check of each sequence are those of bench.gateway_fanout_reader. A message that is
missing, doubled or out of order is an error here too.
"""

import time

from bench.gateway_fanout_reader import HEAD, MESSAGE_BYTES, SEQUENCE_AT, STAMP_AT, Connection, Reader

__all__ = ["AnyReader"]

BEGIN = b'{"type":"delta","symbol":"'


class AnyReader(Reader):
    """Reads tapeflow's frames, Centrifugo's pushes, and plain text messages alike."""

    def ask(self, texts: list[str], answer: bytes, answers: int) -> bytes:
        """Every connection says ``texts`` and waits until it got ``answer`` so many times; what the last one got."""
        for text in texts:
            self.send(text)
        data = b""
        for connection in self.by_number.values():
            data = b""
            while data.count(answer) < answers:
                chunk = connection.link.recv(262_144)
                assert chunk, f"closed by the server after {data[-200:]!r}"
                data += chunk
        return data

    def take(self, connection: Connection, data: bytes, *, latency: bool) -> None:
        now_ns = time.monotonic_ns()
        expected, find = connection.expected, data.find
        at, end = find(BEGIN), len(data)
        done = 0
        while at >= 0 and at + MESSAGE_BYTES <= end:
            symbol = data[at + len(BEGIN) : at + len(BEGIN) + 5]
            sequence = int(data[at + SEQUENCE_AT - HEAD : at + SEQUENCE_AT - HEAD + 12])
            due = expected.get(symbol, sequence)
            assert sequence == due, f"{symbol!r}: {sequence} came, {due} was due"
            expected[symbol] = sequence + 1
            if latency:
                stamp_at = at + STAMP_AT - HEAD
                self.latencies_ns.append((now_ns - int(data[stamp_at : stamp_at + 19])) % 10**18)
            self.messages += 1
            done = at + MESSAGE_BYTES
            at = find(BEGIN, done)
        connection.rest = data[at:] if at >= 0 else data[max(done, end - len(BEGIN)) :]
