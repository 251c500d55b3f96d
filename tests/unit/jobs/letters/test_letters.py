"""Which letters are wanted, what the account says of those that were left, and who would be refused again."""

from collections import Counter

import pytest

from jobs.letters.kafka_topic import Letter
from jobs.letters.letters import Requeued, Wanted, judge_letters
from runtime.settings.whole import Settings

LETTER = Letter(0, 7, "corrupt", "", "trades", 2, 33, 1000, "history", "", 0, b"k", b"{")
GOOD = b'{"symbol":"A","price":1,"size":1,"event_time":1700000000}'


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted(reasons=frozenset({"corrupt"})), True),
        (Wanted(reasons=frozenset({"bad-value"})), False),
        (Wanted(origins=frozenset({"trades/2/33"})), True),
        (Wanted(origins=frozenset({"2:33"})), True),
        (Wanted(origins=frozenset({"33"})), False),
        (Wanted(reasons=frozenset({"bad-value"}), origins=frozenset({"2:33"})), False),
    ],
)
def test_letters_are_chosen_by_reason_and_origin(wanted: Wanted, takes: bool) -> None:
    assert wanted.takes(LETTER) is takes


def test_the_account_says_what_was_left_and_why() -> None:
    assert str(Requeued(3)) == "3 letters put back"
    done = Requeued(1, already=2, cut=1, refused=Counter({"corrupt": 4, "bad-value": 5}))
    assert str(done) == (
        "1 letters put back; left: 2 put back before; 1 cut when written, their bytes are not whole; "
        "5 would be refused again as bad-value; 4 would be refused again as corrupt"
    )


def test_present_settings_judge_a_letter_as_a_record_of_now() -> None:
    judge = judge_letters(Settings(value_format="json"))
    assert judge(LETTER) == "corrupt"
    assert judge(LETTER._replace(value=GOOD)) == ""
    assert judge(LETTER._replace(value=None)) == "empty-value"
    mapped = judge_letters(Settings(value_format="json", field_map={"price": "p"}))
    assert mapped(LETTER._replace(value=GOOD)) == "missing-field"
