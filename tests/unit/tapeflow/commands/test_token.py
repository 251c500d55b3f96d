"""``tapeflow token``: the gateway that reads the same settings takes it, for as long as was asked."""

import time

import jwt
import pytest

from gateway.access.auth import make_authorizer
from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tapeflow.commands.token import split

SECRET = "a secret of thirty-two bytes or more"


def test_it_says_what_was_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TAPEFLOW_GATEWAY_TOKEN_SECRET", SECRET)
    words = ["token", "ana", "--symbols", "BTC/*, ETH*", "--role", "trader", "--permissions", "p,q", "--minutes", "2"]
    assert main([*words, "--username", "Ana"]) == 0
    made = capsys.readouterr().out.strip()
    claims = jwt.decode(made, SECRET, ["HS256"])
    assert 100 < claims["exp"] - time.time() <= 120
    who = make_authorizer(load_settings()).verify(made)
    assert (who.user_id, who.symbols, who.role, who.username) == ("ana", ("BTC/*", "ETH*"), "trader", "Ana")
    assert who.permissions == frozenset({"p", "q"})


def test_without_a_key_it_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TAPEFLOW_GATEWAY_TOKEN_SECRET", raising=False)
    assert main(["token", "ana"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "TAPEFLOW_GATEWAY_TOKEN" in line


def test_a_list_is_written_with_commas() -> None:
    assert split(" a,, b ,") == ("a", "b")
    assert split("") == ()
