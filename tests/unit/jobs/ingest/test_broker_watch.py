"""An outage of the broker is noticed after a while, told once and every minute, and its end once."""

from structlog.testing import capture_logs

from jobs.ingest.broker_watch import AWAY_S, BEHIND_MAX, BrokerWatch


def test_a_broker_that_answers_or_has_nothing_to_answer_is_there() -> None:
    watch = BrokerWatch()
    with capture_logs() as told:
        assert not watch.look(5, 0, 100.0)
        assert not watch.look(9, 1, 100.0 + AWAY_S)
        assert not watch.look(9, 9, 104.0 + AWAY_S)
        assert not watch.look(9, 9, 900.0)
        assert not watch.look(10, 9, 900.0 + AWAY_S - 0.1)
    assert told == []


def test_an_outage_is_told_once_and_every_minute_and_its_end_once() -> None:
    watch = BrokerWatch()
    with capture_logs() as told:
        assert not watch.look(5, 0, 0.0)
        for second in range(int(AWAY_S), 130):
            assert watch.look(7, 0, float(second))
        assert not watch.look(7, 1, 131.0)
        assert not watch.look(8, 1, 132.0)
        assert watch.look(8, 1, 131.0 + AWAY_S)
    lost = [each for each in told if each["event"] == "feed_broker_lost"]
    assert [(each["down_s"], each["unanswered"]) for each in lost] == [
        (AWAY_S, 7), (AWAY_S + 60, 7), (AWAY_S + 120, 7), (AWAY_S, 7)
    ]  # fmt: skip
    assert [each["event"] for each in told].count("feed_broker_returned") == 1


def test_a_broker_that_is_slow_is_waited_for_without_a_word_until_it_has_caught_up() -> None:
    watch = BrokerWatch()
    with capture_logs() as told:
        assert watch.look(BEHIND_MAX, 0, 0.0)
        assert watch.look(BEHIND_MAX, BEHIND_MAX // 2, 1.0)
        assert not watch.look(BEHIND_MAX, BEHIND_MAX // 2 + 1, 2.0)
        assert not watch.look(BEHIND_MAX + 5, BEHIND_MAX // 2 + 1, 3.0)
    assert told == []
