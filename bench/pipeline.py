"""Speed of the pipeline against a bare consumer loop over the same topic, in the same run, one worker on one core.

``python -m bench.pipeline --json FILE``. Every case is a process of its own on core 0, the servers are on the last
core; cases alternate in rounds, and what counts is the median over the rounds of each case's ratio to the bare loops
around it. Stores are emptied before a run and counted after it. A run that wrote one bar or trade too few or too many
ends the bench without figures.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from clickhouse_driver import Client

from bench.bare_consumer import compiler
from bench.cases import run_case
from bench.report import Figure, commit, write
from bench.rig import WORKER_CORE, Rig, Tape, fill_topic, servers
from connectors.synthetic import symbol_names
from schemas.intervals import INTERVALS
from schemas.names import BARS_TABLE, TRADES_TABLE, RedisKeys

DATABASE = "bench_pipeline"
Answer = dict[str, float]
Check = Callable[[Rig, Tape, Answer], None]


@dataclass
class Case:
    """``target``: least ratio to the bare loop. ``answers``: one per round."""

    name: str
    what: str
    run: str
    target: float | None
    check: Check
    settings: dict[str, Any] = field(default_factory=dict)
    recovery: bool = True
    slice_only: bool = False
    answers: list[Answer] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


def check_read(_rig: Rig, tape: Tape, answer: Answer) -> None:
    expect("records", answer["records"], tape.trades)


def check_bars(rig: Rig, tape: Tape, answer: Answer) -> None:
    check_read(rig, tape, answer)
    expect("trades applied", answer["applied"], tape.trades)
    expect("closed bars", answer["final_bars"], tape.final_bars)


def check_stock(_rig: Rig, tape: Tape, answer: Answer) -> None:
    expect("trades folded", answer["applied"], tape.trades)


def check_live(rig: Rig, tape: Tape, answer: Answer) -> None:
    check_read(rig, tape, answer)
    client, keys = redis.Redis.from_url(rig.redis_url, decode_responses=True), RedisKeys()
    names = symbol_names(tape.symbols)
    tickers = client.mget([keys.price(name) for name in names])
    expect("tickers in Redis", sum(each is not None for each in tickers), tape.traded)
    weeks = client.mget([keys.candle(name, "1W") for name in names])
    expect("trades in the bars of a week", sum(trade_count(each) for each in weeks if each is not None), tape.trades)
    closed = sum(client.zcard(keys.candles(name, interval.name)) for name in names for interval in INTERVALS)
    expect("closed bars in Redis", closed, tape.final_bars)
    client.close()


def trade_count(bar: Any) -> int:
    return int(str(bar).split('"tradeCount":')[1].split(",")[0])


def check_history(rig: Rig, tape: Tape, answer: Answer, trades: bool = False) -> None:
    check_read(rig, tape, answer)
    client = Client.from_url(rig.clickhouse_dsn)
    bars, counted = client.execute(
        f"SELECT count(), sumIf(trade_count, interval = '1m') FROM {DATABASE}.{BARS_TABLE} FINAL"
    )[0]
    expect("bars in ClickHouse", bars, tape.final_bars)
    expect("trades in bars of a minute", counted, tape.final_trades)
    if trades:
        rows, keys = client.execute(
            f"SELECT count(), uniqExact(kafka_partition, kafka_offset) FROM {DATABASE}.{TRADES_TABLE}"
        )[0]
        expect("trades in ClickHouse", rows, tape.trades)
        expect("different trades in ClickHouse", keys, tape.trades)
    client.disconnect()


def check_trades(rig: Rig, tape: Tape, answer: Answer) -> None:
    check_history(rig, tape, answer, trades=True)


def expect(what: str, found: float, wanted: float) -> None:
    if found != wanted:
        raise SystemExit(f"wrong result, no figures: {what}: {found:,.0f} instead of {wanted:,.0f}")


def all_cases() -> list[Case]:
    bars_only = {"write_trades": False}
    return [
        Case("bars", "decode and exact bars of all intervals, no sinks", "bars", 0.60, check_bars, recovery=False),
        Case("live", "flows.live into Redis", "live", 0.50, check_live),
        Case("live-no-recovery", "flows.live, recovery off", "live", None, check_live, recovery=False),
        Case("history-bars", "flows.history, bars only", "history", 0.50, check_history, bars_only),
        Case("history", "flows.history with every trade", "history", 0.30, check_trades),
        Case("bare-c", "bare consumer in C", "bare-c", None, check_read, recovery=False),
        Case("stock", "stock Bytewax flow, one interval", "stock", None, check_stock, slice_only=True),
    ]


def measure(case: Case, rig: Rig, tape: Tape) -> Answer:
    """One run, checked."""
    rig.fresh_tables(DATABASE)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall()
    client.close()
    with tempfile.TemporaryDirectory(prefix="bench-recovery-") as folder:
        settings = rig.settings(
            tape.topic, clickhouse_database=DATABASE, recovery_dir=Path(folder), log_level="error", **case.settings
        )
        answer = run_case(case.run, settings, core=WORKER_CORE, recovery=case.recovery, records=tape.trades)
    case.check(rig, tape, answer)
    return answer


def measure_rounds(cases: list[Case], rig: Rig, tape: Tape, small: Tape, rounds: int) -> list[Answer]:
    """Fill in the cases' answers; returns those of the bare loop."""
    bare = Case("bare", "", "bare", None, check_read)
    for case in cases:
        measure(case, rig, small)  # kernels are compiled once per machine, which is no part of any figure
    for number in range(rounds):
        before = measure(bare, rig, tape)
        bare.answers.append(before)
        # Each round in another order, so that no case always comes after the same one.
        for case in cases[number % len(cases) :] + cases[: number % len(cases)]:
            answer = measure(case, rig, small if case.slice_only else tape)
            after = measure(bare, rig, tape)
            bare.answers.append(after)
            case.answers.append(answer)
            case.ratios.append(answer["rate"] / ((before["rate"] + after["rate"]) / 2))
            print(f"round {number + 1} {case.name:18} {answer['rate']:>12,.0f}/s  {case.ratios[-1]:.2f} of bare "
                  f"({before['rate']:,.0f}, {after['rate']:,.0f})", flush=True)  # fmt: skip
            before = after
    return bare.answers


def figures_of(cases: list[Case], bare: list[Answer], command: str) -> list[Figure]:
    made, now = [Figure("bare consume and value loop", median(bare), "trades/s", 1.0, command, commit())], commit()
    for case in cases:
        middle = statistics.median(case.ratios)
        made.append(Figure(case.what, median(case.answers), "trades/s", middle, f"{command} --only {case.name}", now))
    by_name = {case.name: case for case in cases}
    if {"bars", "stock"} <= by_name.keys():
        times = [
            ours["rate"] / theirs["rate"]
            for ours, theirs in zip(by_name["bars"].answers, by_name["stock"].answers, strict=True)
        ]
        made.append(Figure("decode and bars against stock", statistics.median(times), "times", None, command, now))
    if {"bars", "bare-c"} <= by_name.keys():
        made += figures_against_c(by_name["bars"].answers, by_name["bare-c"].answers, command)
    return made


def figures_against_c(ours: list[Answer], theirs: list[Answer], command: str) -> list[Figure]:
    """Decode and bars against the bare consumer in C: by the clock, and by processor time from the first records on."""
    command, now = f"{command} --only bars --only bare-c", commit()
    rates = [one["rate"] / other["rate"] for one, other in zip(ours, theirs, strict=True)]
    each_us = [[run["steady_cpu_s"] / run["records"] * 1e6 for run in runs] for runs in (ours, theirs)]
    cpu = [other / one for one, other in zip(*each_us, strict=True)]
    return [
        Figure("decode and bars against C, by the clock", statistics.median(rates), "times", None, command, now),
        Figure("decode and bars against C, by processor time", statistics.median(cpu), "times", None, command, now),
        Figure("decode and bars, processor time", statistics.median(each_us[0]), "µs/trade", None, command, now),
        Figure("bare consumer in C, processor time", statistics.median(each_us[1]), "µs/trade", None, command, now),
    ]


def median(answers: list[Answer]) -> float:
    return statistics.median(answer["rate"] for answer in answers)


def print_spread(cases: list[Case], bare: list[Answer]) -> None:
    rates = sorted(answer["rate"] for answer in bare)
    print(f"\nbare loop: {rates[0]:,.0f} to {rates[-1]:,.0f} trades/s in {len(rates)} runs")
    for case in cases:
        goal = f", target {case.target:.2f}" if case.target else ""
        print(f"{case.name:18} ratio {min(case.ratios):.2f} to {max(case.ratios):.2f}{goal}, "
              f"peak {max(answer['peak_rss_mb'] for answer in case.answers):,.0f} MB")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=3_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", help="names of cases, may be given again")
    options = parser.parse_args()
    cases = [case for case in all_cases() if not options.only or case.name in options.only]
    if not compiler():
        print("not measured: bare-c needs a compiler of C (cc)")
        cases = [case for case in cases if case.name != "bare-c"]
    with servers() as rig:
        tape = fill_topic(rig, "bench-trades", options.trades, options.symbols)
        small = fill_topic(rig, "bench-slice", max(options.trades // 20, 1_000), options.symbols)
        print(f"{tape.trades:,} trades of {tape.symbols} symbols, {tape.bytes_each:.0f} bytes each, "
              f"{tape.final_bars:,} bars close")  # fmt: skip
        bare = measure_rounds(cases, rig, tape, small, options.rounds)
    print_spread(cases, bare)
    write(figures_of(cases, bare, "python -m bench.pipeline"), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
