"""What happens a thousand times is two lines of the log: it began, and how often it was."""

from structlog.testing import capture_logs

from gateway.port.episode import QUIET_MS, Episode


def test_it_is_said_once_when_it_begins_and_once_when_it_is_over() -> None:
    episode = Episode("files_exhausted", mend="raise ulimit -n")
    with capture_logs() as said:
        episode.look(0)
        for now_ms in range(0, 5_000, 10):
            episode.happened(now_ms)
            episode.look(now_ms)
        episode.look(4_990 + QUIET_MS - 1)
        assert [each["event"] for each in said] == ["files_exhausted"]
        episode.look(4_990 + QUIET_MS)
        episode.look(4_990 + 2 * QUIET_MS)
    assert [(each["event"], each.get("times"), each.get("mend")) for each in said] == [
        ("files_exhausted", None, "raise ulimit -n"),
        ("files_exhausted_over", 500, None),
    ]


def test_a_second_time_is_a_new_one() -> None:
    episode = Episode("files_exhausted")
    with capture_logs() as said:
        for now_ms in (0, 100_000):
            episode.happened(now_ms)
            episode.look(now_ms + QUIET_MS)
    assert [each.get("times") for each in said] == [None, 1, None, 1]
