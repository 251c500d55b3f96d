"""Failures hang in one tree; what stands outside is taken where it is raised, and is written down here."""

import ast
import builtins
import pickle
from pathlib import Path

import pytest

from schemas import errors
from schemas.errors import TapeflowError, Unreachable
from tests.unit.house import PACKAGES, ROOT

TAKEN = {  # exceptions that are no failures -> who takes them, and what comes of it
    "SchemaError": "the Avro decoder: a record whose schema can't be read is refused",
    "TooMany": "the endpoint of reports: 429",
    "RecordRefused": "the decoder of a desk's records: a Reject",
    "TokenRefused": "the doors of REST and WebSocket: 401, or a message to the client",
    "ApiError": "the edge of REST: the answer that it is",
    "InflateLimitError": "the frames of a WebSocket: close code 1009",
    "_ClientLeft": "the edge of REST: nobody reads the answer any more",
    "_NotTold": "the follower of a gateway: it raises the cause, which is of who writes",
    "NotTold": "the feed of a venue: a gap with its bounds is told, and the market goes on",
    "_Passing": "the history of a venue: asked again after a pause, NotTold when patience is over",
    "CorruptValue": "the oracle's reader of records: an OracleReject",
    "Unusable": "the oracle's reader of a desk's records: it counts for nothing",
    "Refused": "the oracle's reader of records: an OracleReject",
    "BrokerError": "the local broker's protocol: an error code to its client",
    "ServerError": "the local ClickHouse front's protocol: an exception packet to its client",
}


def exceptions_of(path: Path) -> dict[str, list[str]]:
    """Classes of a module that name an exception among their bases, by their bases' names."""
    classes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    return {node.name: [ast.unparse(base).split(".")[-1] for base in node.bases] for node in classes}


def exceptions_outside_the_tree() -> dict[str, str]:
    """Those that reach one of Python's exceptions without TapeflowError, and their files."""
    bases: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*.py"):
            found = exceptions_of(path)
            bases.update(found)
            files.update(dict.fromkeys(found, path.relative_to(ROOT).as_posix()))

    def is_outside(name: str) -> bool:
        if name == "TapeflowError" or name not in bases:
            kind = getattr(builtins, name, None)
            return isinstance(kind, type) and issubclass(kind, BaseException)
        return not any(each == "TapeflowError" for each in bases[name]) and any(map(is_outside, bases[name]))

    return {name: files[name] for name in bases if name != "TapeflowError" and is_outside(name)}


def test_every_failure_is_in_the_tree() -> None:
    outside = exceptions_outside_the_tree()
    new = {name: file for name, file in outside.items() if name not in TAKEN}
    assert not new, f"put them below schemas.errors.TapeflowError, or say in TAKEN who takes them: {new}"
    assert set(TAKEN) <= set(outside), "gone"


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "TapeflowError"])
def test_each_says_whose_fault_it_is_and_stands_in_the_picture(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, TapeflowError)
    assert name in (errors.__doc__ or "")
    assert kind.fault in ("user", "outside", "ours")
    assert kind.retry is (name == "Unreachable")
    assert pickle.loads(pickle.dumps(kind("w", where="x", mend="y"))).args == ("w", "x", "y")


def test_one_line_says_what_where_and_how_to_mend_it() -> None:
    assert str(Unreachable("no answer\nyet", where="redis", mend="start it")) == "no answer yet (redis): start it"
    assert str(Unreachable("no answer")) == "no answer"
