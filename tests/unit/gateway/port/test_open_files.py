"""How many connections fit a process, and what is said where they don't; tried in a process with few files."""

import json
import subprocess
import sys
from typing import Any

import pytest

from gateway.port.open_files import HANDSHAKES_MAX, OWN_FILES, handshakes_that_fit

ASK = """
import json, resource, sys
from gateway.port.open_files import clients_that_fit, raise_open_files
from schemas.errors import SettingError
soft, hard, clients, named = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    fit = clients_that_fit(clients, named=bool(named), setting="THE_SETTING")
    print(json.dumps([fit, raise_open_files(fit), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))
except SettingError as error:
    print(json.dumps([error.what, error.where, error.mend]))
"""


def answer_of(soft: int, hard: int, clients: int, named: bool) -> list[Any]:
    command = [sys.executable, "-c", ASK, *map(str, (soft, hard, clients, int(named)))]
    found: list[Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.mark.parametrize(
    ("hard", "clients", "fits"),
    [(4096, 500, 500), (600, 500, 600 - OWN_FILES - 126), (2000, 5000, 2000 - OWN_FILES - 476)],
)
def test_a_default_is_lowered_to_what_fits_and_the_limit_is_raised_for_it(hard: int, clients: int, fits: int) -> None:
    fit, limit, soft = answer_of(256, hard, clients, False)
    assert fit == fits
    assert limit == soft == min(hard, fit + HANDSHAKES_MAX + OWN_FILES)


def test_what_was_asked_for_by_name_is_held_or_refused() -> None:
    what, where, mend = answer_of(256, 600, 500, True)
    assert what == f"500 connections need {500 + OWN_FILES + 250} open files, and a process may have 600"
    assert "THE_SETTING" in where
    assert mend.endswith("or set THE_SETTING to 378")
    assert answer_of(256, 600, 300, True)[0] == 300


def test_a_process_without_room_for_anybody_is_refused() -> None:
    what, _, mend = answer_of(64, 100, 500, False)
    assert what.startswith("8 connections need")
    assert "or set" not in mend


def test_a_limit_that_is_high_enough_stays() -> None:
    assert answer_of(4000, 4096, 10, False) == [10, 4000, 4000]


def test_a_quarter_is_for_who_has_not_said_yet_what_he_wants() -> None:
    assert [handshakes_that_fit(limit) for limit in (10, 496, 10**6)] == [1, 100, HANDSHAKES_MAX]
