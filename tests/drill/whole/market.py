"""A market that goes on through the whole drill: synthetic trades at a steady rate, until it is stopped.

It sends in a thread, with the code of ``tapeflow produce``. ``stop`` returns when brokers have acknowledged all that
was sent, and raises what went wrong meanwhile.
"""

import threading
import time
from typing import Final

from connectors.synthetic import SyntheticMarket, symbol_names
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import trades_writer
from jobs.produce.pace import AtRate, sliced
from jobs.produce.sender import TapeSender, market_tape
from runtime.settings.whole import Settings
from schemas.errors import TapeflowError

__all__ = ["Market"]

SEED: Final = 11


class Market:
    """``settings`` name topic and login; ``rate`` in trades a second."""

    def __init__(self, settings: Settings, *, symbols: int, rate: float) -> None:
        self.symbols = symbol_names(symbols)
        self._rate = rate
        self._ended = threading.Event()
        self._failure: TapeflowError | None = None
        self._sender = TapeSender(trades_writer(settings), encoder_of(settings))
        self._thread = threading.Thread(target=self._run, name="market")
        self._thread.start()

    @property
    def delivered(self) -> int:
        """Trades that brokers have acknowledged."""
        return self._sender.delivered

    def end(self) -> None:
        """Send no more, whatever became of what was sent; never raises."""
        self._ended.set()
        self._thread.join()

    def stop(self) -> int:
        """How many were sent, each of them acknowledged. Raises TapeflowError where one wasn't."""
        self.end()
        if self._failure is not None:
            raise self._failure
        return self._sender.finish()

    def _run(self) -> None:
        market = SyntheticMarket(self.symbols, seed=SEED, start_us=time.time_ns() // 1000)
        tape = market_tape(market, None, self._rate)
        try:
            for batch in sliced(tape, AtRate(self._rate), time.monotonic, self._ended.wait):
                self._sender.send(batch)
        except TapeflowError as error:
            self._failure = error
