"""What the drill of the whole is made of, without its servers: the way of a trace, its picture, the order of steps."""

import pytest

from tests.drill.whole.pictures import page_of
from tests.drill.whole.steps import STEPS
from tests.servers.jaeger import Span, way_to

SENT = Span("t", "produce", "send", "1", "", 0, 2_000)
POLLED = Span("t", "live", "process", "2", "1", 5_000, 30_000)
DECODED = Span("t", "live", "decode", "3", "2", 6_000, 7_000)
TOLD = Span("t", "gateway", "fan <out>", "4", "2", 35_000, 40_000)


def test_the_way_to_a_span_leads_from_the_first_of_its_trace() -> None:
    assert way_to(TOLD, [TOLD, DECODED, POLLED, SENT]) == [SENT, POLLED, TOLD]
    with pytest.raises(KeyError):
        way_to(TOLD, [TOLD, SENT])


def test_the_picture_has_each_span_under_its_parent_at_its_time() -> None:
    page = page_of([TOLD, DECODED, POLLED, SENT])
    names = ["send", "process", "decode", "fan &lt;out&gt;"]
    assert sorted(names, key=lambda name: page.index(f">{name}<")) == names
    assert "35.0 to 40.0 ms" in page
    assert "margin-left:87.50%;width:12.50%" in page


def test_what_is_built_and_judged_cannot_be_left_out_of_the_drill() -> None:
    assert [step.name for step in STEPS if not step.may_be_left_out] == [
        "servers", "rights", "doctor", "flows", "trades", "backup", "settle", "verify",
    ]  # fmt: skip
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    assert names.index("backup") < names.index("restore")
