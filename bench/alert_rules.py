"""Users' rules: what they cost a trade, by their number, and how long a start takes to load them.

``python -m bench.alert_rules --json FILE``. 20,000 symbols, trades in batches of 10,000 as a flow gets them. In one run
and over the same trades: bars alone, then rules alone with 0, 10,000 and 1,000,000 of them, within 2 % of the prices,
half of them again and again. Loading begins with the bytes of both topics in memory and ends with rules that are ready.
These times are those of the processor, so that others on the machine count little. Every run's firings are compared
with those of another cut of the same batches. ``--broker`` loads the most rules once more, by the clock and from a real
Kafka beside it, as the flow does at its start.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from bench.report import Figure, commit, write
from connectors.kafka.compacted import CompactedTopic, Entry
from connectors.kafka.options import KafkaReadOptions
from connectors.synthetic import SyntheticMarket, symbol_names
from core.alerts.rule_book import RuleBook
from core.bars.rules import Rules
from core.bars.shard import Shard
from flows.alert_metrics import AlertMetrics
from flows.rule_store import RuleStore
from kernels.decimal_text import from_pair, plain
from runtime.garbage import keep_what_is_loaded
from schemas.alert_rules import AlertRule, ArmedRule, Condition, RuleTerms
from schemas.columns import Ints, TradeBatch
from tests.servers.kafka import KafkaBroker, make_topic  # type: ignore[attr-defined]  # not the folder beside it

COMMAND = "python -m bench.alert_rules"
SYMBOLS = 20_000
BATCH = 10_000
COUNTS = (0, 10_000, 1_000_000)
START_US = 1_767_225_600_000_000
CONDITIONS: Final[tuple[Condition, ...]] = ("crosses_above", "crosses_below")


class Market:
    """Batches of trades, judged by a shard: what a book is handed in. ``prices``: the last of each symbol."""

    def __init__(self, trades: int) -> None:
        market, self.shard = SyntheticMarket(symbol_names(SYMBOLS), start_us=START_US), Shard(Rules())
        self.batches: list[tuple[TradeBatch, Ints]] = []
        self.bars_s = 0.0
        for _ in range(trades // BATCH):
            batch = market.take(BATCH, 1_000_000)
            begun = time.process_time()
            self.shard.apply(batch)
            self.shard.take_final()
            self.bars_s += time.process_time() - begun
            self.batches.append((batch, self.shard.arrived))
        self.names = self.shard.symbols.names
        self.prices = [0] * len(self.names)
        for batch, symbols in self.batches:
            for symbol, hi, lo in zip(symbols, batch.rows["price_hi"], batch.rows["price_lo"], strict=True):
                self.prices[symbol] = from_pair(hi, lo)


def armed_records(market: Market, count: int) -> list[bytes]:
    """The armed log of ``count`` rules, spread over all symbols within 2 % of their prices."""
    chance, records = np.random.default_rng(7), []
    symbols = chance.integers(0, len(market.names), count).tolist()
    shares = chance.integers(9_800, 10_200, count).tolist()
    for number, (symbol, share) in enumerate(zip(symbols, shares, strict=True)):
        price = max(market.prices[symbol] * share // 10_000, 1)
        rule = AlertRule(
            f"{number:032x}", f"user-{number % 1000}", market.names[symbol], CONDITIONS[number % 2], plain(price),
            "every" if number % 4 < 2 else "once", plain(max(price // 1000, 1)),
        )  # fmt: skip
        record = ArmedRule(msgspec.Raw(msgspec.json.encode(rule)), -1, -1, "waiting")
        records.append(msgspec.json.encode(record))
    return records


def loaded(market: Market, records: Sequence[bytes]) -> tuple[RuleBook, float]:
    """A book of these rules, and the seconds that it took."""
    decode = msgspec.json.Decoder(ArmedRule).decode
    begun = time.process_time()
    book = RuleBook()
    book.add_symbols(market.names)
    book.make_room(len(records))
    book.restore(map(decode, records), -1)
    return book, time.process_time() - begun


def stored(records: Sequence[bytes]) -> float:
    """Seconds that the topic of rules takes; the armed log holds the same rules."""
    decode = msgspec.json.Decoder(ArmedRule).decode
    rules = [bytes(decode(record).rule) for record in records]
    entries = [Entry(0, msgspec.json.decode(rule, type=RuleTerms).id.encode(), rule) for rule in rules]

    class Topic:
        def read(self) -> Iterator[Entry]:
            return iter(entries)

    store = RuleStore(Topic, AlertMetrics(CollectorRegistry()), keeps_views=False)  # type: ignore[arg-type]
    begun = time.process_time()
    store.open()
    return time.process_time() - begun


def started(market: Market, records: Sequence[bytes]) -> float:
    """Seconds by the clock from a flow's first question to a broker until the rules of both topics are ready."""
    decode = msgspec.json.Decoder(ArmedRule).decode
    with KafkaBroker() as broker:
        rules, armed = (KafkaReadOptions(bootstrap=broker.bootstrap, topic=name) for name in ("rules", "armed"))
        producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 50})
        for options in (rules, armed):
            make_topic(broker.bootstrap, options.topic, 1, {"cleanup.policy": "compact"})
        for number, record in enumerate(records):
            key = b"%032x" % number
            for topic, value in ((rules.topic, bytes(decode(record).rule)), (armed.topic, record)):
                while True:
                    try:
                        producer.produce(topic, value, key)
                        break
                    except BufferError:
                        producer.poll(0.1)
        producer.flush(60)
        begun = time.monotonic()
        RuleStore(lambda: CompactedTopic(rules), AlertMetrics(CollectorRegistry()), keeps_views=True).open()
        log = CompactedTopic(armed, [0])
        newest = {entry.key: entry.value for entry in log.read()}
        log.close()
        book = RuleBook()
        book.add_symbols(market.names)
        book.make_room(len(newest))
        book.restore((decode(record) for record in newest.values() if record is not None), -1)
        seconds = time.monotonic() - begun
    if len(book) != len(records):
        raise SystemExit(f"wrong result, no figures: {len(book)} rules of {len(records)}")
    return seconds


def watch(book: RuleBook, batches: Sequence[tuple[TradeBatch, Ints]], cuts: int = 1) -> tuple[int, float]:
    """Sum of what fired, as a check, and the seconds that it took."""
    check, begun = 0, time.process_time()
    for batch, symbols in batches:
        for rows, numbers in zip(np.array_split(batch.rows, cuts), np.array_split(symbols, cuts), strict=True):
            fired = book.apply(rows, numbers, 0)
            check += len(fired.ids) + int(fired.rows["sequence"].sum())
    return check, time.process_time() - begun


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.alert_rules", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", action="store_true", help="load the most rules from a real Kafka too")
    options = parser.parse_args()
    keep_what_is_loaded()
    watch(RuleBook(), [])
    Market(BATCH)
    market, now = Market(options.trades), commit()
    trades = len(market.batches) * BATCH
    figures = [Figure("bars of 20,000 symbols, no rules", trades / market.bars_s, "trades/s", None, COMMAND, now)]
    for count in COUNTS:
        records = armed_records(market, count)
        loads, rates = [], []
        for _ in range(options.rounds):
            book, load_s = loaded(market, records)
            check, seconds = watch(book, market.batches)
            loads.append(load_s)
            rates.append(trades / seconds)
        again, _ = watch(loaded(market, records)[0], market.batches, cuts=3)
        if again != check:
            raise SystemExit(f"wrong result, no figures: other cuts fired {again}, not {check}")
        what = f"{count:,} rules over {len(market.names):,} symbols"
        rate = statistics.median(rates)
        figures.append(Figure(f"{what}, rules alone", rate, "trades/s", None, COMMAND, now))
        together = 1 / (1 / rate + market.bars_s / trades)
        figures.append(Figure(f"{what}, with bars", together, "trades/s", None, COMMAND, now))
        if count:
            figures.append(Figure(f"{what}, armed log", statistics.median(loads), "s", None, COMMAND, now))
            figures.append(Figure(f"{what}, topic of rules", stored(records), "s", None, COMMAND, now))
    if options.broker:
        figures.append(Figure(f"{what}, both topics from a broker", started(market, records), "s", None, COMMAND, now))
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
