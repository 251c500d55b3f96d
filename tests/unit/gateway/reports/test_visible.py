"""What a token let its owner see when a report was asked for travels with the job."""

from gateway.reports.visible import visible
from tests.unit.gateway.reports.asks import ask_of


def test_names_and_globs_of_the_token_decide() -> None:
    may_see = visible(ask_of(access=("BTC/*", "AAPL")))
    assert [symbol for symbol in ("BTC/USDT", "AAPL", "AAPLX", "ETH/USDT") if may_see(symbol)] == ["BTC/USDT", "AAPL"]
    assert visible(ask_of(access=("*",)))("anything")
    assert not visible(ask_of(access=()))("anything")
