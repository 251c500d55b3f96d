"""A venue that changed its form is named at once, and every ten seconds while it goes on."""

from structlog.testing import capture_logs

from jobs.ingest.refusal_teller import TOLD_S, RefusalTeller


def test_the_first_is_told_at_once_and_the_others_every_ten_seconds_with_their_number() -> None:
    now_s = 100.0
    teller = RefusalTeller("okx", lambda: now_s)
    with capture_logs() as told:
        teller.tell("trades", "Expected `str`, got `int`")
        teller.tell("trades", "Expected `str`, got `int`")
        now_s += TOLD_S - 0.1
        teller.tell("trades", "Expected `str`, got `int`")
        now_s += 0.1
        teller.tell("", "no message that this venue documents")
    assert [(each["venue"], each["channel"], each["frames"]) for each in told] == [("okx", "trades", 1), ("okx", "", 4)]
    assert {each["event"] for each in told} == {"feed_frame_refused"}
