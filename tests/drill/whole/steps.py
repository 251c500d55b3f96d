"""The steps of the drill, in the order in which they are done; each gives what is worth saying of it.

A step that finds something wrong raises AssertionError, or TimeoutError for what didn't come. Those that may be left
out break something or look at it, and leave the system whole; the others build it and judge it.
"""

import json
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from flows.live import bounds_of
from jobs.redis_now import compare_now
from schemas.names import TRADES_TOPIC, deltas_stream
from sinks.clickhouse.connection import connect
from tests.chaos.standby import await_leader, await_prepared, strike
from tests.chaos.world import until
from tests.drill.alarms import Watch
from tests.drill.whole.alerts import provocations
from tests.drill.whole.crowd import Crowd
from tests.drill.whole.market import Market
from tests.drill.whole.pictures import page_of
from tests.drill.whole.servers import PARTITIONS, Servers
from tests.drill.whole.system import CLIENTS, GATEWAYS, RATE, SYMBOLS, WAIT_S, System
from tests.integration.flows.market_feeding import recomputed
from tests.servers.jaeger import Span, way_to

__all__ = ["STEPS", "Step"]

TRACED: Final = 25
STOP_S: Final = 30.0
WAY: Final = [
    ("tapeflow-produce", f"send {TRADES_TOPIC}"),
    ("tapeflow-live", f"process {TRADES_TOPIC}"),
    ("tapeflow-live", "write redis"),
    ("tapeflow-gateway-websocket", "fan out"),
]


@dataclass(frozen=True)
class Step:
    name: str
    what: str
    do: Callable[[System], str]
    may_be_left_out: bool = True


# -- everything comes up


def start_servers(system: System) -> str:
    system.servers = Servers(system.folder, system.exits)
    return ""


def prepare(system: System) -> str:
    system.servers.prepare()
    system.tapeflow(system.servers.settings, "migrate")
    return ""


def ask_doctor(system: System) -> str:
    found = json.loads(system.tapeflow(system.servers.settings, "doctor", "--json", codes=(0, 1, 2)))
    failed = [f"{each['name']}: {each['what']}" for each in found if each["state"] == "failed"]
    assert not failed, failed
    return f"{len(found)} findings, 0 failed"


def start_flows(system: System) -> str:
    system.start_flows()
    for which in range(GATEWAYS):
        system.start_gateway(which)
    wanted = system.start_prometheus()
    until(lambda: system.scraped() == wanted, WAIT_S, f"Prometheus to get an answer of {wanted}")
    return f"{wanted} targets up"


def send(system: System) -> str:
    """The market and the clients stay from here to the end."""
    system.market = Market(system.servers.sender, symbols=SYMBOLS, rate=RATE)
    system.exits.callback(system.market.end)
    until(lambda: system.records() > SYMBOLS * RATE // 10, WAIT_S, "trades of all symbols")
    system.await_read()
    urls = [each.websocket for each in system.gateways]
    system.crowd = Crowd(urls, system.gateways[0].token("reader"), system.market.symbols, CLIENTS)
    until(system.crowd.is_told, WAIT_S, "each client to be told a price of each of its symbols")
    until(system.crowd.hears_again(), WAIT_S, "each client to hear more")
    return f"{CLIENTS} clients"


# -- something is looked at or lost, and the system is whole again


def trace(system: System) -> str:
    """One trade of a producer that traces, until Jaeger shows the gateway's part."""
    sender = system.servers.sender.model_copy(update={"trace_records": 10})
    system.tapeflow(sender, "produce", "--synthetic", "--symbols", "1", "--trades", str(TRACED), "--rate", "10")
    system.traced += TRACED
    whole: list[tuple[list[Span], list[Span]]] = []

    def found() -> bool:
        for spans in system.servers.jaeger.traces("tapeflow-produce"):
            whole.extend((way_to(last, spans), spans) for last in spans if last.name == "fan out")
        return bool(whole)

    until(found, WAIT_S, "the gateway's span in Jaeger")
    way, spans = whole[0]
    system.picture("drill-trace", system.servers.jaeger.page, page=page_of(spans))
    assert [(each.service, each.name) for each in way] == WAY, way
    assert len({each.trace for each in way}) == 1, way
    return f"trace {way[0].trace}: {', '.join(f'{each.name} {_age_ms(each, way[0])}' for each in way)}"


def _age_ms(span: Span, first: Span) -> str:
    return f"{(span.end_us - first.start_us) / 1000:.0f} ms"


def back_up(system: System) -> str:
    return system.tapeflow(system.servers.settings, "backup", str(system.backup)).replace(str(system.folder), "")


def take_over(system: System) -> str:
    """The leading live is killed; who stood by leads, and the killed one comes back to stand by."""
    with system.redis() as client:
        took_ms, struck = strike(system.pair, client)
    until(system.crowd.hears_again(), WAIT_S, "each client to hear more")
    _restand(system, struck)
    return f"the standby's first write {took_ms / 1000:.2f} s after the kill; {_unbroken(system)}"


def roll(system: System) -> str:
    """Each gateway stops and starts in turn; clients go to the other and come back when that one stops."""
    drained_s: list[float] = []
    aways_s: list[float] = []
    for which in range(GATEWAYS):
        system.crowd.watch_losses()
        began_s = time.monotonic()
        code = system.gateways[which].terminate()
        drained_s.append(time.monotonic() - began_s)
        assert code == 0, f"a gateway ended with {code}"
        system.start_gateway(which)
        until(system.crowd.is_back, WAIT_S, "each client to be back")
        aways_s += system.crowd.aways_s()
    assert len(aways_s) >= CLIENTS * 3 // 2, f"{len(aways_s)} clients had to move"
    return (
        f"ended within {max(drained_s):.1f} s, {len(aways_s)} clients moved, "
        f"away for {statistics.median(aways_s):.1f} s (p50), {max(aways_s):.1f} s at most; {_unbroken(system)}"
    )


def restore(system: System) -> str:
    """The host of the flows and ClickHouse's tables are gone; the backup brings both back, Kafka the rest."""
    settings = system.servers.settings
    system.pair.kill()
    system.history.kill()
    began_s = time.monotonic()
    shutil.rmtree(settings.recovery_dir)
    client = connect(settings.clickhouse_dsn)
    client.execute(f"DROP DATABASE {settings.clickhouse_database} SYNC")
    client.disconnect()
    said = system.tapeflow(settings, "restore", str(system.backup))
    system.pair.start()
    system.start_history()
    leader = await_leader(system.pair, system.redis())
    system.await_read()
    took_s = time.monotonic() - began_s
    await_prepared(system.pair, 1 - leader)
    return f"{said}; all read {took_s:.1f} s after the loss; {_unbroken(system)}"


def lose_zone(system: System) -> str:
    """A broker, the primary of Redis, the leading live and a gateway at once; then the zone comes back."""
    servers, pair = system.servers, system.pair
    old = servers.redis.primary()
    assert old is not None, "no primary of Redis"
    (new,) = (each for each in servers.redis.servers if each is not old)
    with system.redis() as client:
        leader = await_leader(pair, client)
    broker = servers.kafka.leaders(TRADES_TOPIC)[0]
    system.crowd.watch_losses()
    kills: tuple[Callable[[], object], ...] = (
        old.kill, lambda: pair.kill_one(leader), lambda: servers.kafka.kill(broker), lambda: system.kill_gateway(0),
    )  # fmt: skip
    began_ms = time.time() * 1000
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda kill: kill(), kills))
    gone_ms = time.time() * 1000
    until(lambda: servers.redis.primary() is new, WAIT_S, "the Sentinels to name the other server")
    with system.redis() as client:
        until(lambda: _written_ms(client, gone_ms), WAIT_S, f"a write of the other zone: {pair.last_line()}")
        written_ms = min(_written_ms(client, gone_ms))
    until(system.crowd.hears_again(), WAIT_S, "each client to hear more")
    heard_ms, moved = time.time() * 1000, len(system.crowd.aways_s())
    servers.kafka.start(broker)
    old.start()
    servers.grant()
    system.start_gateway(0)
    _restand(system, leader)
    until(servers.redis.is_watched, WAIT_S, "Redis to have a replica again")
    system.await_read()
    return (
        f"first write of the other zone after {(written_ms - began_ms) / 1000:.1f} s, all clients ({moved} moved) told "
        f"after {(heard_ms - began_ms) / 1000:.1f} s; {_unbroken(system)}"
    )


def _written_ms(client: Any, since_ms: float) -> list[int]:
    """Redis's time of the first entry of each stream that has one since then."""
    found = [client.xrange(deltas_stream(shard), f"({since_ms:.0f}", "+", 1) for shard in range(PARTITIONS)]
    return [int(entries[0][0].split(b"-")[0]) for entries in found if entries]


def alert(system: System) -> str:
    watch = Watch(system.prometheus, say=lambda line: print(f"{'':16}{line}", flush=True))
    watch.await_calm()
    for each in provocations(system):
        watch.provoke(each)
    watch.await_clear()
    assert not watch.troubles, watch.troubles
    system.await_read()
    until(system.crowd.hears_again(), WAIT_S, "each client to hear more")
    return f"{len(watch.fired)} fired, and cleared when it was over; {_unbroken(system)}"


def _restand(system: System, which: int) -> None:
    system.pair.start_one(which)
    await_prepared(system.pair, which)


def _unbroken(system: System) -> str:
    counts = system.crowd.counts()
    assert not counts["gaps"], counts
    return f"{counts['delta']:,} deltas and {counts['snapshot']:,} snapshots so far, 0 gaps"


# -- the end


def settle(system: System) -> str:
    sent = system.market.stop() + system.traced
    records = system.records()
    assert records == sent, f"{sent} trades were acknowledged, {records} are in the topic"
    system.await_read()
    until(lambda: system.crowd.is_level(system.sequences()), WAIT_S, "each client to hold what Redis holds")
    said = _unbroken(system)
    system.crowd.close()
    system.pair.stop()
    assert not system.pair.unexpected, system.pair.unexpected
    assert (code := system.history.stop(STOP_S)) == 0, f"history ended with {code}"
    return f"{records:,} trades sent and read; {said}"


def verify(system: System) -> str:
    settings = system.servers.settings
    told = system.tapeflow(settings, "verify")
    assert not told.startswith("0 bars"), "no bar was final"
    with system.redis() as client:
        found: Any = compare_now(client, recomputed(settings), kept=bounds_of(settings).kept)
    assert not found.differences, found.differences[:5]
    return f"ClickHouse: {told}; Redis: {found}"


STEPS: Final = (
    Step(
        "servers",
        "three brokers, Redis with a replica and Sentinels, Apicurio, ClickHouse, Jaeger",
        start_servers,
        False,
    ),
    Step("rights", "rights, topics, tables", prepare, False),
    Step("doctor", "doctor finds nothing that failed", ask_doctor, False),
    Step("flows", "live with a standby, history, two gateways, Prometheus", start_flows, False),
    Step("trades", f"{RATE} trades a second by a schema of the registry, to clients of both gateways", send, False),
    Step("trace", "one trade from its producer to a client, in Jaeger", trace),
    Step("backup", "a backup, beside running flows", back_up, False),
    Step("takeover", "the leading live is killed", take_over),
    Step("rolling", "both gateways are rolled", roll),
    Step("zone", "a broker, the primary of Redis, the leading live and a gateway are killed at once", lose_zone),
    Step("alerts", "alerts are provoked, and Prometheus fires them", alert),
    Step("restore", "recovery state and ClickHouse's tables are lost, and restored", restore),
    Step("settle", "trades end, clients hold what Redis holds, the flows stop", settle, False),
    Step("verify", "verify is clean, and Redis equals the oracle", verify, False),
)
