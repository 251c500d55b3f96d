"""The file flow by itself: offsets run on over files, rejects know their place, lateness has no bound."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from connectors.files.reader import TradeFile, open_files
from connectors.synthetic import Disorder, SyntheticMarket, symbol_names
from connectors.values.column_plan import FileOptions
from core.bars.rules import Rules
from flows.bars import Account, FileLog, build, rules_for_files, run_bars
from schemas.columns import TRADE, TradeBatch
from schemas.rejects import Reason, Reject
from sinks.files import BarTable, RejectTable


def files(folder: Path, count: int) -> list[TradeFile]:
    paths = [folder / f"{number}.csv" for number in range(count)]
    for path in paths:
        path.write_text("event_time,symbol,price,size\n")
    return [file for path in paths for file in open_files(str(path), FileOptions())]


def test_offsets_run_on_from_file_to_file(tmp_path: Path) -> None:
    def read(_file: TradeFile) -> Iterator[TradeBatch]:
        for first in (0, 4):
            rows = np.zeros(3, TRADE)
            rows["offset"] = np.arange(first, first + 3)
            reject = Reject(Reason.CORRUPT, "", "", 0, first + 3, -1, None, None)
            yield TradeBatch("", 0, rows, b"", 4, first + 4, rejects=[reject])

    first, second = files(tmp_path, 2)
    log = FileLog([first, second], read)
    batches = list(log.batches())
    assert np.concatenate([batch.rows["offset"] for batch in batches]).tolist() == [
        0,
        1,
        2,
        4,
        5,
        6,
        8,
        9,
        10,
        12,
        13,
        14,
    ]
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert [reject.offset for reject in rejects] == [3, 7, 11, 15]
    assert [log.place(reject) for reject in rejects] == [(file.name, row) for file in (first, second) for row in (4, 8)]


def test_files_have_no_lateness_unless_given() -> None:
    assert min(rules_for_files(Rules(), None).lateness_us) > 10**16
    assert set(rules_for_files(Rules(), 5).lateness_us) == {5_000}


def test_account_adds_up_over_batches(tmp_path: Path) -> None:
    market = SyntheticMarket(symbol_names(5), start_us=10**15, disorder=Disorder(late=0.01, repeated=0.01))
    log = FileLog(files(tmp_path, 1), lambda _file: [market.take(500, 60_000_000) for _ in range(8)])
    account, bars, seen = Account(), BarTable(range(7)), []
    rules = rules_for_files(Rules(dedupe=True), 0)
    run_bars(build(log, rules, bars, RejectTable(log.place), account=account, progress=seen.append), log)
    assert account.read == account.applied + account.duplicate + account.late + account.rejected == 4_000
    assert account.late > 0
    assert account.duplicate > 0
    assert seen == sorted(seen)
    assert seen[-1] == 4_000
