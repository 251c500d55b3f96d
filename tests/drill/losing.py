"""``python -m tests.drill.losing FLOW``: a worker with a defect of the kind that CountsDoNotAddUp is for.

Between reading and counting the last trade of each batch vanishes, and nothing says so. All else is the worker that
users run: its settings, its flow, its metrics.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import flows.reading
from processes.worker import main
from schemas.columns import RawBatch, TradeBatch


def lose_trades() -> None:
    """Of every flow that this process builds from now on."""
    honest = flows.reading.decode_trades

    def decode_trades(*how: Any) -> Callable[[RawBatch], TradeBatch]:
        decode = honest(*how)

        def losing(raw: RawBatch) -> TradeBatch:
            batch = decode(raw)
            return replace(batch, rows=batch.rows[:-1])

        return losing

    flows.reading.decode_trades = decode_trades


if __name__ == "__main__":
    lose_trades()
    sys.exit(main())
