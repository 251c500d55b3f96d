"""From what the engine raises to an error of ours."""

import errno

import pytest
from bytewax.recovery import MissingPartitionsError

from processes.cluster import Place
from processes.engine_errors import cause_of
from schemas.errors import OffsetExpired, PeerGone, StateIncompatible, StorageFailed


def wrapped(cause: Exception) -> Exception:
    """As the engine does: twice, once with and once without ``from``."""
    try:
        try:
            try:
                raise cause
            except Exception as error:
                raise RuntimeError("error calling a step") from error
        except RuntimeError:
            raise ValueError("error building")  # noqa: B904 - as the engine does
    except ValueError as error:
        return error


def test_our_error_is_found_down_the_chain() -> None:
    expired = OffsetExpired("offset 5 is gone")
    assert cause_of(wrapped(expired)) is expired
    assert cause_of(wrapped(KeyError("x"))) is None
    assert cause_of(None) is None


def test_the_engines_own_complaint_about_its_files_is_a_line() -> None:
    found = cause_of(wrapped(MissingPartitionsError("Missing recovery partitions {1} of 3")))
    assert isinstance(found, StateIncompatible)
    assert found.exit_code == 2
    assert "isn't whole" in str(found)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database or disk is full", StorageFailed),
        ("disk I/O error", StorageFailed),
        ("attempt to write a readonly database", StorageFailed),
        ("unable to open database file", StorageFailed),
        ("database disk image is malformed", StateIncompatible),
    ],
)
def test_what_sqlite_says_in_the_engine_is_a_line_that_names_the_setting(said: str, kind: type[Exception]) -> None:
    for found in (cause_of(RuntimeError(f"SqliteFailure({said})")), cause_of(RuntimeError("panic"), f"... {said} ...")):
        assert isinstance(found, kind)
        assert found.where == "TAPEFLOW_RECOVERY_DIR"
        assert found.exit_code == 2


def test_a_full_disk_under_any_file_of_ours_is_a_line() -> None:
    found = cause_of(wrapped(OSError(errno.ENOSPC, "No space left on device", "/data/bars.rows")))
    assert isinstance(found, StorageFailed)
    assert str(found).startswith("can't write: No space left on device (/data/bars.rows): make room")
    assert cause_of(OSError(errno.ECONNRESET, "reset")) is None


def test_a_lost_peer_is_told_from_a_failure_of_ours() -> None:
    panic = RuntimeError("Send thread panic: Custom { kind: Other, error: Broken pipe }")
    found = cause_of(panic, "", Place(1, ("a:1", "b:1")))
    assert isinstance(found, PeerGone)
    assert found.exit_code == 3
    assert "process 1 of 2" in str(found)
    assert cause_of(panic) is None, "alone, there is no peer to lose"
