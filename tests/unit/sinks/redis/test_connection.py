"""What is said about a Redis server, and which of its errors are waited out."""

import pytest
from redis.exceptions import AuthenticationError, ResponseError

from sinks.redis.connection import is_outage, place


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


def in_script(words: str) -> str:
    """As Redis 6.2 answers when a command in a script is refused."""
    digest = "1fa68395f9d8c56df9d7c1b45e27662e964353cd"
    return f"Error running script (call to f_{digest}): @user_script:7: @user_script: 7: {words}"


@pytest.mark.parametrize(
    "words",
    [
        "-READONLY You can't write against a read only replica.",
        "-OOM command not allowed when used memory > 'maxmemory'.",
        "-NOREPLICAS Not enough good replicas to write.",
        "-MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.",
    ],
)
def test_an_outage_is_known_in_the_words_of_a_script_too(words: str) -> None:
    assert is_outage(ResponseError(in_script(words)))
    assert is_outage(ResponseError(words[1:])) == words.startswith(("-NOREPLICAS", "-MISCONF"))  # others have types


@pytest.mark.parametrize(
    "words",
    [
        in_script("Script attempted to access nonexistent global variable 'x'"),
        in_script("-WRONGTYPE Operation against a key holding the wrong kind of value"),
        in_script("Wrong number of args calling Redis command From Lua script"),
        "WRONGTYPE Operation against a key holding the wrong kind of value",
    ],
)
def test_a_defect_of_a_script_is_no_outage(words: str) -> None:
    assert not is_outage(ResponseError(words))


def test_a_refused_login_is_no_outage() -> None:
    assert not is_outage(AuthenticationError("WRONGPASS"))
    assert is_outage(ConnectionRefusedError())
