"""The fan-out of tapeflow's gateway and of its peers: the same messages, the same client, the server on core 0.

Client, feeder and Redis have core 1. Servers alternate in rounds, and the median of each figure counts. Every message
is checked for order, and a run in which one is missing gives no figure. ``in flight`` says how many entries the feeder
lets wait at most: with 1 it waits until every client has the last one.
"""

import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.gateway_fanout import cpu_seconds, resident_bytes
from bench.gateway_fanout_reader import FIRST_SEQUENCE, message
from bench.peers.building import build_each
from bench.peers.fanout_reader import AnyReader
from bench.peers.fanout_servers import Running, Server
from bench.report import Figure, commit

__all__ = ["CASES", "compare_fanout"]

CATCH_UP_S = 20.0
TICK_S = 0.2
Value = tuple[str, float]
"""What a figure says, and the figure."""


class Case(NamedTuple):
    name: str
    what: str
    measure: Callable[[Server, str, float], Iterator[Value]]


def watching(server: Server, running: Running, clients: int, symbols: int) -> AnyReader:
    reader = AnyReader(running.port, clients, server.path)
    server.subscribe(reader, [f"S{symbol:04d}" for symbol in range(symbols)])
    reader.watch()
    return reader


def closed_loop(clients: int, per_entry: int, in_flight: int) -> Callable[[Server, str, float], Iterator[Value]]:
    """Entries as fast as the server passes them on, at most ``in_flight`` of them ahead of the slowest count."""

    def measure(server: Server, built: str, seconds: float) -> Iterator[Value]:
        with server.run(built, 1, False) as running:
            reader = watching(server, running, clients, 1)
            entries, sequence = 0, FIRST_SEQUENCE
            cpu_s, begun_s = cpu_seconds(running.process_id), time.monotonic()
            while time.monotonic() < begun_s + seconds:
                running.put(0, [message(0, sequence + 1 + index) for index in range(per_entry)])
                entries, sequence = entries + 1, sequence + per_entry
                reader.read_for(CATCH_UP_S, max(0, entries - in_flight + 1) * per_entry * clients)
            reader.read_for(CATCH_UP_S, entries * per_entry * clients)
            cpu_s, wall_s = cpu_seconds(running.process_id) - cpu_s, time.monotonic() - begun_s
            expect_all(reader, entries * per_entry * clients)
            yield "µs of CPU a message", cpu_s / reader.messages * 1e6
            yield "messages/s", reader.messages / wall_s
            yield "% of the core", cpu_s / wall_s * 100
            reader.close()

    return measure


def paced(clients: int, symbols: int, per_s: float) -> Callable[[Server, str, float], Iterator[Value]]:
    """One message to an entry, ``per_s`` of each symbol, spread over the second."""

    def measure(server: Server, built: str, seconds: float) -> Iterator[Value]:
        with server.run(built, symbols, False) as running:
            reader = watching(server, running, clients, symbols)
            sent = int(max(seconds, 5) * per_s) * symbols
            feeder = threading.Thread(target=feed, args=(running, symbols, per_s, sent), daemon=True)
            cpu_s, wall_s = cpu_seconds(running.process_id), time.monotonic()
            feeder.start()
            while feeder.is_alive():
                reader.read_for(TICK_S, latency=True)
            cpu_s, wall_s = cpu_seconds(running.process_id) - cpu_s, time.monotonic() - wall_s
            reader.read_for(CATCH_UP_S, sent * clients, latency=True)
            expect_all(reader, sent * clients)
            yield "p50 ms", reader.percentile_ms(0.5)
            yield "p99 ms", reader.percentile_ms(0.99)
            yield "% of the core", cpu_s / wall_s * 100
            reader.close()

    return measure


def feed(running: Running, symbols: int, per_s: float, count: int) -> None:
    start_s = time.monotonic()
    for number in range(count):
        due_s = start_s + number / per_s / symbols
        time.sleep(max(0.0, due_s - time.monotonic()))
        symbol, step = number % symbols, number // symbols
        running.put(symbol, [message(symbol, FIRST_SEQUENCE + step + 1)])


def idle(clients: int) -> Callable[[Server, str, float], Iterator[Value]]:
    """Connections that follow one symbol on which nothing happens."""

    def measure(server: Server, built: str, _seconds: float) -> Iterator[Value]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, clients + 200)), hard))
        with server.run(built, 1, False) as running:
            warm = watching(server, running, 100, 1)
            before, cpu_s = resident_bytes(running.process_id), cpu_seconds(running.process_id)
            reader = watching(server, running, clients, 1)
            yield "kB each", (resident_bytes(running.process_id) - before) / clients / 1000
            yield "µs of CPU to accept one", (cpu_seconds(running.process_id) - cpu_s) / clients * 1e6
            reader.close()
            warm.close()

    return measure


def resume(clients: int, missed: int) -> Callable[[Server, str, float], Iterator[Value]]:
    """All clients go, messages come, all clients return with the place where they were."""
    held = 100

    def measure(server: Server, built: str, _seconds: float) -> Iterator[Value]:
        if server.resume is None:
            return
        with server.run(built, 1, True) as running:
            reader = watching(server, running, clients, 1)
            for number in range(held):
                running.put(0, [message(0, FIRST_SEQUENCE + number + 1)])
            reader.read_for(CATCH_UP_S, held * clients)
            expect_all(reader, held * clients)
            reader.close()
            for number in range(held, held + missed):
                running.put(0, [message(0, FIRST_SEQUENCE + number + 1)])
            texts = server.resume(running.port, held)
            cpu_s, begun_s = cpu_seconds(running.process_id), time.monotonic()
            reader = AnyReader(running.port, clients, server.path)
            for connection in reader.by_number.values():
                connection.expected[b"S0000"] = FIRST_SEQUENCE + held + 1
            for text in texts:
                reader.send(text)
            reader.watch()
            reader.read_for(CATCH_UP_S, missed * clients)
            yield "s until all have all", time.monotonic() - begun_s
            expect_all(reader, missed * clients)
            yield "µs of CPU a client", (cpu_seconds(running.process_id) - cpu_s) / clients * 1e6
            reader.close()

    return measure


def stuck(readers: int, count: int) -> Callable[[Server, str, float], Iterator[Value]]:
    """One client never reads while ``count`` messages go to it and to those that read; before, to these alone."""

    def measure(server: Server, built: str, _seconds: float) -> Iterator[Value]:
        with server.run(built, 1, False) as running:
            reader = watching(server, running, readers, 1)
            most_before = flood(reader, running, 0, count)
            deaf = watching(server, running, 1, 1)
            most = flood(reader, running, count, count)
            yield "MB of memory more at most", (most - most_before) / 1e6
            deaf.close()
            reader.close()

    return measure


def flood(reader: AnyReader, running: Running, sent: int, count: int) -> int:
    """``count`` messages after the ``sent`` ones, 4 an entry, 32 entries in flight; resident bytes at most."""
    readers, begun, most = len(reader.by_number), reader.messages, 0
    for number in range(0, count, 4):
        first = FIRST_SEQUENCE + sent + number + 1
        running.put(0, [message(0, first + index) for index in range(4)])
        reader.read_for(CATCH_UP_S, begun + max(0, number - 31 * 4) * readers)
        if number % 400 == 0:
            most = max(most, resident_bytes(running.process_id))
    reader.read_for(CATCH_UP_S, begun + count * readers)
    expect_all(reader, begun + count * readers)
    return most


def expect_all(reader: AnyReader, messages: int) -> None:
    if reader.messages != messages:
        raise SystemExit(f"wrong result, no figures: {reader.messages:,} messages came instead of {messages:,}")


CASES = (
    Case("one", "1,000 clients, 1 message an entry, 1 entry in flight", closed_loop(1000, 1, 1)),
    Case("four", "1,000 clients, 4 messages an entry, 1 entry in flight", closed_loop(1000, 4, 1)),
    Case("flood", "1,000 clients, 4 messages an entry, 32 entries in flight", closed_loop(1000, 4, 32)),
    Case("quiet", "1,000 clients, 20 messages/s each", paced(1000, 1, 20)),
    Case("symbols", "100 clients, 50 symbols, 1 message/s each", paced(100, 50, 1)),
    Case("resume", "1,000 clients return, 10 messages missed each", resume(1000, 10)),
    Case("resume-400", "1,000 clients return, 400 messages missed each", resume(1000, 400)),
    Case("stuck", "1 of 11 clients never reads 60 MB", stuck(10, 300_000)),
    Case("idle", "10,000 idle connections", idle(10_000)),
)


def compare_fanout(wanted: list[Server], cases: list[str], rounds: int, seconds: float, command: str) -> list[Figure]:
    """Measure and print the table; the figures. ``cases``: names, none for all."""
    servers = build_each(wanted)
    chosen = [case for case in CASES if not cases or case.name in cases]
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for case in chosen:
        for number in range(rounds):
            at = number % len(servers)
            for server, built in servers[at:] + servers[:at]:
                values = dict(case.measure(server, built, seconds))
                kept = found.setdefault((case.name, server.name), {})
                for what, value in values.items():
                    kept.setdefault(what, []).append(value)
                said = ", ".join(f"{value:,.2f} {what}" for what, value in values.items())
                print(f"round {number + 1} {case.name:8} {server.name:16} {said}", flush=True)
    print(f"\n{table(chosen, [server for server, _ in servers], found)}")
    now = commit()
    return [
        Figure(f"{case.what}: {server.name}", statistics.median(values), what, None, command, now)
        for case in chosen
        for server, _ in servers
        for what, values in found[case.name, server.name].items()
    ]


def table(cases: list[Case], servers: list[Server], found: dict[tuple[str, str], dict[str, list[float]]]) -> str:
    """The medians as Markdown."""
    rows = ["| case | figure | " + " | ".join(server.what for server in servers) + " |"]
    rows.append("|---" * (2 + len(servers)) + "|")
    for case in cases:
        for number, what in enumerate(found[case.name, servers[0].name]):
            values = [spread(found[case.name, server.name].get(what, [])) for server in servers]
            rows.append(f"| {'' if number else case.what} | {what} | " + " | ".join(values) + " |")
    return "\n".join(rows)


def spread(values: list[float]) -> str:
    def plain(value: float) -> str:
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    if not values:
        return "can't"
    middle = plain(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({plain(min(values))} to {plain(max(values))})"
