"""Reading page by page: every row once and in order, whatever lies where in time; and no more than is allowed."""

import random
from decimal import Decimal

import pytest

from gateway.reports import source as source_module
from gateway.reports.parts import ReportParts
from gateway.reports.source import Extent, Page
from gateway.reports.words import TooMuch
from tests.integration.gateway.reports.report_parts import with_parts
from tests.integration.gateway.rest_server import MINUTE_MS, OPEN_MS, Market
from tests.unit.gateway.reports.asks import ask_of

BASE_US = (OPEN_MS - 400 * 86_400_000) * 1000


def lumpy(count: int, seed: int) -> list[int]:
    """Times of trades: bursts in one microsecond, seconds apart, months apart."""
    chance = random.Random(seed)
    at, found = BASE_US, []
    for _ in range(count):
        at += chance.choice([0, 0, 0, 1, 1_000, 1_000_000, 60_000_000, chance.choice([0, 86_400_000_000])])
        found.append(at)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_trade_comes_once_and_in_order(market: Market, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(source_module, "PAGE_ROWS", 7)
    symbol, times = f"LUMPY{seed}", lumpy(300, seed)
    trades = [{"time_us": at, "price": Decimal(1), "size": Decimal(1), "offset": n} for n, at in enumerate(times)]
    market.add_trades(symbol, trades)
    market.add_trades(symbol, trades[:50])  # written again: merged away

    async def work(parts: ReportParts) -> tuple[list[Extent], list[Page]]:
        ask = ask_of(symbols=(symbol,), low_us=times[3], high_us=times[-3])
        extents = await parts.source.extents(ask, "trades", lambda _: True)
        return extents, [page async for page in parts.source.trades(ask, extents[0])]

    extents, pages = with_parts(market, work)
    assert [(each.first_us, each.last_us) for each in extents] == [(times[3], times[-3])]
    wanted = [(at, n) for n, at in enumerate(times) if times[3] <= at <= times[-3]]
    assert [(row[0], row[2]) for page in pages for row in page.rows] == wanted
    assert extents[0].rows >= len(wanted)
    assert [page.at_us for page in pages] == sorted(page.at_us for page in pages)
    assert len(pages) < len(wanted), "empty stretches are passed over in few steps"


def test_every_bar_comes_once_and_in_order(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "PAGE_ROWS", 7)
    starts = [OPEN_MS - MINUTE_MS * back for back in (*range(1, 30), 40, 7_000, 600_000)][::-1]
    market.add_bars("PAGED", starts, list(range(len(starts))))

    async def work(parts: ReportParts) -> list[Page]:
        ask = ask_of(symbols=("PAGED",))
        (extent,) = await parts.source.extents(ask, "bars", lambda _: True)
        return [page async for page in parts.source.bars(ask, extent)]

    assert [row[0] // 1000 for page in with_parts(market, work) for row in page.rows] == starts


def test_what_is_there_is_counted_before_it_is_read(market: Market) -> None:
    for symbol, count in (("COUNT/A", 6), ("COUNT/B", 5)):
        market.add_bars(symbol, [OPEN_MS - MINUTE_MS * back for back in range(1, count + 1)], list(range(count)))

    async def work(parts: ReportParts) -> None:
        both = ask_of(symbols=("COUNT/A", "COUNT/B", "COUNT/NONE"))
        with pytest.raises(TooMuch, match="11 bars are more than the 10 of one report: take a shorter range"):
            await parts.source.extents(both, "bars", lambda _: True)
        seen = await parts.source.extents(ask_of(), "bars", lambda symbol: symbol == "COUNT/B")
        assert [(each.symbol, each.rows) for each in seen] == [("COUNT/B", 5)]

    with_parts(market, work, gateway_report_rows_max=10)
