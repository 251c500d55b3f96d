"""What the proof says of itself: all must hold, and a share of the records is a share of each partition."""

import json

from demo.checks import Check
from demo.figures import Figures
from demo.proof import Proof
from demo.proof import _adds_up as adds_up
from demo.proof import _first_records as first_records
from oracle.comparison import Difference


def test_it_holds_where_every_check_does() -> None:
    good, bad = Check("topic", True, ""), Check("Redis", False, "2 differ")
    assert Proof((good,), {}, 0).holds
    assert not Proof((good, bad), {}, 0).holds


def test_it_is_plain_json() -> None:
    proof = Proof((Check("topic", True, "5 sent"),), {"read": 5}, 3, (Difference("A", "1m", 0, "close", "1", "2"),))
    said = json.loads(json.dumps(proof.as_dict()))
    assert (said["holds"], said["bars"], said["whole"], said["counts"]) == (True, 3, True, {"read": 5})
    assert said["checks"] == [{"name": "topic", "holds": True, "detail": "5 sent"}]
    assert said["differences"][0]["symbol"] == "A"


def test_a_bounded_proof_takes_the_first_records_of_each_partition() -> None:
    whole = {0: (0, 100), 1: (50, 350)}
    assert first_records(whole, 0) == first_records(whole, 400) == whole
    assert first_records(whole, 40) == {0: (0, 10), 1: (50, 80)}


def test_an_account_adds_up_to_what_was_read() -> None:
    outcomes = {0: {"applied": 3, "duplicate": 1, "late": 0, "rejected": 1}}
    figures = Figures(read={0: 5}, outcomes=outcomes)
    assert adds_up("live", figures, 5).holds
    assert not adds_up("live", figures, 6).holds
    assert not adds_up("live", Figures(read={0: 5}, outcomes={0: outcomes[0] | {"applied": 2}}), 5).holds
