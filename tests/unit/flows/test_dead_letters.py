"""The branch of refused records: each goes to its partition's part of the dead-letter topic, and nothing else does."""

from typing import Any

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from flows import dead_letters
from flows.dead_letters import write_dead_letters
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.columns import TRADE, TradeBatch
from schemas.rejects import Reason, Reject
from schemas.shards import shard_key


class KeptLetters:
    """Stands where the topic would: keeps what a real one would be given, see tests/integration/sinks/kafka."""

    def __init__(self) -> None:
        self.given: tuple[Any, ...] = ()
        self.items: list[Any] = []


def test_refused_records_alone_reach_the_topic_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptLetters()

    def sink(*arguments: Any, **options: Any) -> TestingSink[Any]:
        kept.given = (*arguments, options["flow"], options["properties"])
        return TestingSink(kept.items)

    monkeypatch.setattr(dead_letters, "DeadLetterSink", sink)
    rejects = [Reject(Reason.CORRUPT, "", "trades", 2, offset, 0, None, b"") for offset in (3, 4)]
    batches = [
        TradeBatch("trades", 2, np.zeros(1, TRADE), b"", 3, 5, rejects=rejects),
        TradeBatch("trades", 0, np.zeros(1, TRADE), b"", 1, 1),
    ]
    settings = Settings(kafka_bootstrap="here:1", kafka_properties={"client.id": "me"})
    flow = Dataflow("letters")
    write_dead_letters(op.input("read", flow, TestingSource(batches)), settings, "history", 4, StopSignal())
    run_main(flow)
    assert kept.items == [(shard_key(2), rejects)]
    assert kept.given == ("here:1", settings.dead_letter_topic, 4, "history", {"client.id": "me"})
