"""The development login: whom it knows, what its tokens are, and where there can be none."""

import time
from typing import Any

import pytest

from gateway.access.auth import make_authorizer
from gateway.access.login import make_login
from runtime.settings.whole import Settings, load_settings
from schemas.errors import SettingError

SECRET = "a-secret-of-the-login-a-secret-of-the-login"
USERS = ("admin:admin:trader", "bob:pässword")


def settings(**changed: object) -> Settings:
    given: dict[str, Any] = {"gateway_token_secret": SECRET, "gateway_login_users": USERS, **changed}
    return Settings(**given)


def test_no_users_no_login() -> None:
    assert make_login(settings(gateway_login_users=())) is None


def test_its_tokens_are_those_that_the_gateway_takes() -> None:
    login, now_s = make_login(settings()), int(time.time())
    assert login is not None
    assert login.names == ("admin", "bob")
    made = login.token("admin", "admin", now_s)
    assert made is not None
    principal = make_authorizer(settings()).verify(made.text)
    assert (principal.user_id, principal.role, principal.symbols) == ("admin", "trader", ("*",))
    assert made.expires_s == now_s + 3600 == principal.exp
    other = login.token("bob", "pässword", now_s)
    assert other is not None
    assert make_authorizer(settings()).verify(other.text).role == ""


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("admin", "Admin"),
        ("Admin", "admin"),
        ("bob", "admin"),
        ("", ""),
        ("admin", ""),
        ("nobody", "x"),
        ("a", "\ud800"),
    ],
)
def test_a_wrong_pair_gets_none(name: str, password: str) -> None:
    login = make_login(settings())
    assert login is not None
    assert login.token(name, password, 0) is None


@pytest.mark.parametrize(
    "changed",
    [{"gateway_token_secret": ""}, {"gateway_token_algorithm": "RS256"}, {"gateway_token_algorithm": "EdDSA"}],
)
def test_without_a_secret_there_is_no_login(changed: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="TAPEFLOW_GATEWAY_TOKEN_SECRET") as refused:
        make_login(settings(**changed))
    assert "TAPEFLOW_GATEWAY_LOGIN_USERS" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["admin", "admin:", ":admin", "a:b:c:d", "a:b:", "a:b,a:c", f"{'n' * 129}:p", "a:b,c", "::"]
)
def test_a_wrong_list_of_users_is_one_line_without_a_password(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_GATEWAY_LOGIN_USERS", text)
    with pytest.raises(SettingError, match="name:password or name:password:role") as refused:
        load_settings()
    assert text not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_users_survive_the_way_to_a_child_process_and_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings().environment().items():
        monkeypatch.setenv(name, value)
    child = load_settings()
    assert child.gateway_login_users == USERS
    assert "pässword" not in repr(child)
    assert "pässword" not in str(child.changed())
