"""What every verb does first: settings with its options on top, and words of its options that are wrong."""

from pathlib import Path

import pytest

from schemas.errors import SettingError
from schemas.intervals import INTERVALS
from tapeflow.commands.entry import ALL_INTERVALS, chosen_intervals, enter, parse_field_map, people


def test_options_go_over_variables_and_those_not_given_over_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", "of-the-variable")
    assert enter(kafka_topic=None).kafka_topic == "of-the-variable"
    assert enter(kafka_topic="of-the-option").kafka_topic == "of-the-option"


def test_messages_for_people_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    people().print("for people")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "for people\n")


def test_intervals_are_chosen_by_name() -> None:
    assert chosen_intervals("5m,1m") == (0, 1) or chosen_intervals("5m,1m") == (1, 0)
    assert chosen_intervals(ALL_INTERVALS) == tuple(range(len(INTERVALS)))
    for text in ("2m", "", ","):
        with pytest.raises(SettingError) as refused:
            chosen_intervals(text)
        assert refused.value.where == "--intervals"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, None),
        ("", None),
        ("price=p, size = q", {"price": "p", "size": "q"}),
        ('{"price": "p.q"}', {"price": "p.q"}),
    ],
)
def test_a_field_map_is_pairs_or_json(text: str | None, found: dict[str, str] | None) -> None:
    assert parse_field_map(text) == found


@pytest.mark.parametrize("text", ["price", "{", "{]", '{"price"'])
def test_what_is_no_field_map_is_one_line(text: str) -> None:
    with pytest.raises(SettingError, match="can't read"):
        parse_field_map(text)
