"""Bars of quotes against the oracle, by the verb: equal behind a flow that was killed, and what is lost is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.verify_quotes import compare_quote_bars, read_quotes, verify_quotes
from runtime.settings.whole import Settings
from schemas.errors import SettingError
from schemas.rejects import Reason
from tapeflow.cli import main
from tests.integration.conftest import Stores
from tests.integration.flows.desk_feeding import rows_of, running
from tests.integration.flows.quote_market import PARTITIONS, QuoteMarket, quote_environment
from tests.servers.kafka import make_topic


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    made = migrated(quote_environment(*stores))
    make_topic(stores.bootstrap, made.quotes_topic, PARTITIONS, {"retention.ms": "-1"})
    return made


def test_the_verb_holds_bars_against_the_oracle(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    market = QuoteMarket(settings)
    with running(settings, tmp_path / "quotes.log", "quotes") as run:
        market.send(400)
        market.send_raw(b"nonsense")
        run.until(lambda: verify_quotes(settings).compared > 20)
        run.kill()
        run.start()
        market.send(1_600)
        run.until(lambda: verify_quotes(settings).compared > 40 and not verify_quotes(settings).differences)
    topic = read_quotes(settings)
    assert sum(map(len, topic.quotes.values())) == 2_000
    assert list(topic.refused.values()) == [Reason.BAD_FRAME]
    capsys.readouterr()
    assert main(["verify", "--kind", "quotes"]) == 0
    assert ", 0 differ" in capsys.readouterr().out
    rows_of(settings, "ALTER TABLE {db}.quote_bars DELETE WHERE symbol = 'S1' AND interval = '1m'")
    assert main(["verify", "--kind", "quotes", "--json"]) == 1
    assert '"table": "quote_bars"' in capsys.readouterr().out

    # Half of each partition is gone: later bars are decided all the same.
    whole = compare_quote_bars(settings, topic)
    for partition, (_, end) in topic.ranges.items():
        topic.ranges[partition] = (end // 2, end)  # type: ignore[index]
        topic.quotes[partition] = [quote for quote in topic.quotes[partition] if quote.offset >= end // 2]
    half = compare_quote_bars(settings, topic)
    assert 10 < half.compared < whole.compared
    assert half.open > whole.open
    assert {(each.key.split()[0], each.field) for each in half.differences} == {("S1", "row")}


def test_without_intervals_there_is_nothing_to_compare(settings: Settings) -> None:
    with pytest.raises(SettingError, match="no bars of quotes"):
        verify_quotes(settings.model_copy(update={"quote_intervals": ()}))
