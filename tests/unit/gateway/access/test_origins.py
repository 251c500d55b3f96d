"""Which pages may speak to the gateway."""

import re

import pytest

from gateway.access.origins import LOOPBACK_ORIGINS, OriginRule

LOOPBACK = [
    "http://localhost:3000",
    "http://127.0.0.1:5173",
    "https://127.8.8.8",
    "http://[::1]:8000",
    "http://app.localhost",
]
STRANGERS = [
    "https://evil.example",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example:80@localhost",
    "http://localhost@evil.example",
    "http://localhost:3000/path",
    "ftp://localhost",
    "null",
    "localhost",
    "http://[",
    "",
]


@pytest.mark.parametrize("origin", LOOPBACK)
def test_while_no_token_is_asked_for_loopback_pages_are_the_users_own(origin: str) -> None:
    assert OriginRule((), True).allows(origin, "127.0.0.1:8080")
    assert OriginRule(("https://a.example",), True).allows(origin, "127.0.0.1:8080")
    assert not OriginRule((), False).allows(origin, "gw.example")
    assert re.fullmatch(LOOPBACK_ORIGINS, origin)


@pytest.mark.parametrize("origin", STRANGERS)
def test_strangers_are_refused_in_both(origin: str) -> None:
    assert not OriginRule((), True).allows(origin, "127.0.0.1:8080")
    assert not OriginRule((), False).allows(origin, "gw.example")
    assert not re.fullmatch(LOOPBACK_ORIGINS, origin)


def test_named_origins_are_matched_whole_and_a_star_is_all() -> None:
    rule = OriginRule(("https://a.example",))
    assert rule.allows("https://a.example", "gw.example")
    assert not rule.allows("https://a.example.evil", "gw.example")
    assert not rule.allows("https://gw.example", "gw.example"), "a list replaces the own host"
    assert OriginRule().allows("https://gw.example", "gw.example")
    assert OriginRule(("*",)).allows("null", "gw.example")
