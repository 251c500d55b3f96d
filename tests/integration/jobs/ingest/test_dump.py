"""A venue's files, its history and its stream as one: each trade once, in order."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from connectors.values.column_plan import FileOptions
from feeds.marks import Mark
from feeds.series import SHARED, Series, series_of
from flows.bars import open_all, read_valid
from jobs.ingest.dump import layouts_of, send_dump
from jobs.ingest.markets import Markets
from jobs.produce.sender import TapeSender
from runtime.settings.whole import Settings
from schemas.columns import TradeBatch
from schemas.errors import InputError, SettingError
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import ScriptedTrade, make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT")
FILED, MISSED, LIVE = 60, 90, 120
"""To where the file goes, what REST alone has, and the end of the script."""


def binance_file(trades: list[ScriptedTrade]) -> str:
    """As data.binance.vision has them, times in microseconds, without a header."""
    rows = (
        f"{each.trade_id},{each.price},{each.size},1,1,{each.time_ms}000,{each.side == 'SELL'},True" for each in trades
    )
    return "\n".join(rows) + "\n"


@pytest.mark.thorough
def test_the_file_goes_before_the_history_and_the_stream(kafka_bootstrap: str, tmp_path: Path) -> None:
    script = make_script(37, SYMBOLS, LIVE, time.time_ns() // 1_000_000 - 600_000, ids_follow=True)
    files = []
    for symbol in SYMBOLS:
        files.append(tmp_path / f"{symbol.replace('/', '')}-aggTrades-2026-11-28.csv")
        files[-1].write_text(binance_file([trade for trade in script[:FILED] if trade.symbol == symbol]))

    async def story() -> None:
        async with ScriptedVenue("binance", script) as venue:
            words = [word for file in files for word in ("--since-file", str(file))]
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"binance:{','.join(SYMBOLS)}", *words)
            await venue.trade(MISSED)
            try:
                for begun in (FILED, MISSED):  # the second time the topic has it all
                    ingester.start()
                    await eventually(lambda: len(venue.followed) == len(SYMBOLS))
                    await ingester.until(MISSED)
                    if begun == MISSED:
                        await venue.trade(LIVE - MISSED)
                        await ingester.until(LIVE)
                    assert await ingester.stop() == 0
                    await eventually(lambda: not venue.followed)
            finally:
                ingester.kill()
            rows = ingester.rows()
            for symbol in SYMBOLS:
                wanted = [row_of(trade) for trade in script if trade.symbol == symbol]
                assert [row for row in rows if row[0] == symbol] == wanted
            said = ingester.log.read_text()
            assert f"{FILED} trades of 2 files sent, 0 told before, 0 rows refused" in said
            assert f"0 trades of 2 files sent, {FILED} told before, 0 rows refused" in said
            assert {b'"exchange":"BINANCE"' in value for value in ingester.values(ingester.topic)} == {True}
            assert ingester.events("feed_gap_left") == []

    asyncio.run(story())


class Collected(TapeSender):
    """What would go to the topic."""

    def __init__(self) -> None:
        self.batches: list[TradeBatch] = []

    def send(self, batch: TradeBatch) -> None:
        self.batches.append(batch)


def sent(
    folder: Path, script: list[ScriptedTrade], markets: Markets, *symbols: str, series: Series = SHARED
) -> list[tuple[str, str]]:
    """Symbol and id of each trade that ``send_dump`` sends."""
    (folder / "BTCUSDT-aggTrades-2026-11-28.csv").write_text(binance_file(script))
    files, sender = open_all([str(folder)], FileOptions(layouts=layouts_of("binance")), Settings()), Collected()
    batches = (batch for file in files for batch in read_valid(file, Settings()))
    counts = send_dump(batches, sender, markets, symbols, "BINANCE", series=series)
    rows = [
        tuple(
            batch.text[int(row[f"{name}_at"]) :][: int(row[f"{name}_len"])].decode()
            for name in ("symbol", "trade_id", "exchange")
        )
        for batch in sender.batches
        for row in batch.rows
    ]
    assert counts == Counter(sent=len(rows), repeated=len(script) - len(rows))
    assert {row[2] for row in rows} <= {"BINANCE"}
    return [row[:2] for row in rows]


def test_what_is_new_goes_out_under_the_names_of_the_stream(tmp_path: Path) -> None:
    script = make_script(37, ("BTC/USDT",), 20, 1_700_000_000_000, ids_follow=True)
    ids = [("BTC/USDT", str(trade.trade_id)) for trade in script]
    markets = Markets(ids_follow=True)
    assert sent(tmp_path, script[:12], markets, "ETH/USDT", "BTC/USDT") == ids[:12]
    assert sent(tmp_path, script, markets, "BTC/USDT") == ids[12:]
    assert sent(tmp_path, script, markets, "BTC/USDT") == []
    own = [("BTC/USDT@BINANCE", each) for _, each in ids]
    assert sent(tmp_path, script, Markets(ids_follow=True), "BTC/USDT", series=series_of("venue", "BINANCE")) == own
    assert markets.mark("BTC/USDT") == Mark(script[-1].time_ms * 1000, str(script[-1].trade_id))
    with pytest.raises(InputError, match=r"the file has trades of BTCUSDT, which isn't followed .--since-file."):
        sent(tmp_path, script, markets, "ETH/USDT")
    with pytest.raises(SettingError, match="files call both BTC/USDT and BTC/USDT-PERP BTCUSDT"):
        sent(tmp_path, script, markets, "BTC/USDT", "BTC/USDT-PERP")


def test_every_venue_has_files_that_can_be_joined_or_is_refused() -> None:
    assert [each.name for each in layouts_of("binance")] == ["binance-aggtrades", "tapeflow"]
    assert [each.name for each in layouts_of("okx")] == ["okx", "okx-2022", "okx-plain", "tapeflow"]
    with pytest.raises(SettingError, match="possible for binance, binance-futures"):
        layouts_of("bybit")
