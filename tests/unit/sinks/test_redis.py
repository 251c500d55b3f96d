"""What is said about a Redis server, and which of its errors are waited out."""

import pytest

from sinks.redis import place


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://me:hidden@host:6379/0", "redis://host:6379/0"),
        ("redis://host:6379/0?password=hidden", "redis://host:6379/0"),
        ("redis://host/0?db=1&pass%77ord=hidden&ssl_password=hidden", "redis://host/0"),
        ("unix://me:hidden@/run/redis.sock?password=hidden", "unix:///run/redis.sock"),
        ("redis://:hid@den@host/0?password=hid@den", "redis://host/0"),
        ("redis://host/0?password=hid@den", "redis://***"),
        ("redis://:hid?den@host", "redis://***"),
        ("redis://:hid://den@host", "redis://host"),
        ("me:hidden@host", "host"),
    ],
)
def test_a_place_is_said_without_its_login(url: str, shown: str) -> None:
    assert place(url) == shown
