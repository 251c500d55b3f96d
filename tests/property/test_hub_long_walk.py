"""The law of tests.property.test_hub_consistency on long ways: what is common happens more often, and for longer."""

from collections.abc import Callable
from random import Random

import pytest

from tests.property.hub_receiver import MANY_BARS
from tests.property.test_hub_consistency import SYMBOLS, VARIANTS, VIEWS, HubMachine


def long_walk(seed: int) -> None:
    """Hypothesis finds short stories and shrinks them; this walks far, with what is common more often."""
    random = Random(seed)
    machine = HubMachine()
    machine.somebody_is_there()
    steps: tuple[tuple[int, Callable[[str, int], object]], ...] = (
        (30, lambda symbol, n: machine.live([symbol, *SYMBOLS[: n % 3]], n + 1)),
        (15, lambda _symbol, _n: machine.load()),
        (6, machine.trade_once),
        (6, lambda _symbol, n: machine.read_stream(n + 1)),
        (6, lambda _symbol, n: machine.flush(n * 250)),
        (5, lambda symbol, _n: machine.close_bar(symbol)),
        (3, lambda symbol, _n: machine.revise_bar(symbol)),
        (3, lambda symbol, n: machine.slow_spell(random.randrange(6), symbol, n)),
        (6, lambda symbol, n: machine.away_and_back(random.randrange(6), symbol, n)),
        (2, lambda _symbol, n: machine.becomes_slow(n)),
        (3, lambda _symbol, _n: machine.all_recover()),
        (2, lambda _symbol, _n: machine.alert()),
        (1, lambda symbol, _n: machine.hidden_loss(symbol)),
        (1, lambda symbol, n: machine.answer_from_before(symbol, emptied=n == 0)),
        (1, lambda symbol, n: machine.trimmed_or_emptied(symbol, emptied=n == 0)),
        (1, lambda symbol, _n: machine.pause_a_while([symbol])),
        (1, lambda symbol, _n: machine.flow_restarts(symbol)),
        (1, lambda _symbol, n: machine.disconnect(n)),
        (3, lambda _symbol, n: machine.connect(tuple(VARIANTS)[n % 3], random.choice(VIEWS))),
        (4, lambda symbol, n: machine.next_bar_begins(symbol, n + 1)),
        (4, lambda symbol, n: machine.trade_in_an_older_bar(symbol, n + 1)),
        (4, lambda symbol, n: machine.subscribe(n, [symbol], random.random() < 0.5, random.choice((MANY_BARS, 0, 1)))),
        (1, lambda symbol, n: machine.unsubscribe(n, symbol)),
    )
    weights = [weight for weight, _step in steps]
    for _ in range(500):
        _weight, step = random.choices(steps, weights)[0]
        step(random.choice(SYMBOLS), random.randrange(6))
        machine.backlogs_are_bounded()
    machine.teardown()


@pytest.mark.parametrize("seed", range(50))
def test_every_client_ends_with_the_models_state_after_a_long_walk(seed: int) -> None:
    long_walk(seed)
