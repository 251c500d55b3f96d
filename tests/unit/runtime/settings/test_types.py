"""Texts of settings: targets with names, as a list and as an object."""

import pytest
from pydantic import TypeAdapter, ValidationError

from runtime.settings.types import Targets
from runtime.settings.whole import Settings

ADAPTER = TypeAdapter(Targets)
LIVE, SECOND = "live=http://127.0.0.1:9101/metrics", "live=https://flows.example:9102/metrics?x=1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ()),
        (LIVE, (LIVE,)),
        (f" {LIVE} , {SECOND}, ", (LIVE, SECOND)),
        ([LIVE, SECOND], (LIVE, SECOND)),
        ('{"live": "http://127.0.0.1:9101/metrics"}', (LIVE,)),
        ('{"live": ["http://127.0.0.1:9101/metrics", "https://flows.example:9102/metrics?x=1"]}', (LIVE, SECOND)),
        ({"live": "http://127.0.0.1:9101/metrics"}, (LIVE,)),
    ],
)
def test_targets_are_a_list_or_an_object(given: object, expected: tuple[str, ...]) -> None:
    assert ADAPTER.validate_python(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://127.0.0.1:9101/metrics",
        "live=127.0.0.1:9101",
        "live=ftp://127.0.0.1/",
        "live=http://",
        "live=http://[::1/metrics",
        "live=http://h:99999/",
        "=http://h/",
        "a name=http://h/",
        "live=http://user:secret@h/",
        '{"live": ',
        '{"live": 9101}',
        '{"live": ["http://h/", 1]}',
        5,
    ],
)
def test_what_is_no_target_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(given)


def test_targets_go_on_to_child_processes() -> None:
    settings = Settings(gateway_flows=(LIVE, SECOND))
    assert settings.environment()["TAPEFLOW_GATEWAY_FLOWS"] == f"{LIVE},{SECOND}"
