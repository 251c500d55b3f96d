"""What each refusal of Redis becomes: which command, keys and right, in the words of several releases."""

import re

import pytest
import redis

from schemas.errors import SettingError, TapeflowError, WriteFailed
from sinks.redis.refusals import CALL, refusal
from sinks.redis.scripts import APPLY_UPDATE

CLIENT = redis.Redis(port=1, username="live")
KINDS = "price|symbol|candle|candles|md:deltas|md:quote|md:two-partitions"
LINES = APPLY_UPDATE.splitlines()
XADD = next(number for number, line in enumerate(LINES, 1) if "'XADD', KEYS" in line)
HSET = next(number for number, line in enumerate(LINES, 1) if "'HSET'" in line)
PUBLISH = next(number for number, line in enumerate(LINES, 1) if "'PUBLISH'" in line)


def test_every_command_of_the_script_says_its_keys() -> None:
    calls = [line for line in LINES if re.search(r"(?<!p)call\('", line)]
    assert len(calls) > 10
    for line in calls:
        found = CALL.search(line)
        assert found, line
        assert re.fullmatch(rf"md:epoch|({KINDS}):\*|md:symbols|market-data:updates", found[2]), line
        assert line.count("call('") == 1, "one command a line, or the wrong one is named"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            redis.exceptions.NoPermissionError("this user has no permissions to run the 'info' command"),
            SettingError,
            "Redis refuses user live INFO: the right to the command is missing (r): ACL SETUSER live +info",
        ),
        (
            redis.exceptions.NoPermissionError("User live has no permissions to run the 'script|load' command"),
            SettingError,
            "SCRIPT LOAD: the right to the command is missing (r): ACL SETUSER live +script|load",
        ),
        (
            redis.exceptions.NoPermissionError("No permissions to access a key"),
            SettingError,
            "EVALSHA on md:epoch or md:deltas:*: the right to the keys is missing",
        ),
        (
            redis.exceptions.ResponseError(
                "The user executing the script can't run this command or subcommand script: 1f, on"
                f" @user_script:{XADD}."
            ),
            SettingError,
            "XADD on md:deltas:*: the right to the command is missing (r): ACL SETUSER live +xadd",
        ),
        (
            redis.exceptions.ResponseError(
                f"Error running script (call to f_1f): @user_script:{HSET}: @user_script: {HSET}: -NOPERM this user has"
                " no permissions to access one of the keys used as arguments"
            ),
            SettingError,
            "HSET on symbol:*: the right to the keys is missing",
        ),
        (
            redis.exceptions.ResponseError(f"No permissions to access a channel, on @user_script:{PUBLISH}."),
            SettingError,
            "PUBLISH on market-data:updates: the right to the channel is missing (r): ACL SETUSER live &market-data:",
        ),
        (
            redis.exceptions.ResponseError(
                f"WRONGTYPE Operation against a key holding the wrong kind of value script: 1f, on @user_script:{HSET}."
            ),
            WriteFailed,
            "Redis holds symbol:* as another type than HSET writes",
        ),
        (redis.exceptions.AuthenticationError("WRONGPASS"), SettingError, "Redis refused the login"),
        (redis.exceptions.ResponseError("ERR strange"), WriteFailed, "Redis refused EVALSHA of a live update (r): ERR"),
    ],
)
def test_each_refusal_is_a_line_and_exit_code_2(error: Exception, kind: type[TapeflowError], says: str) -> None:
    found = refusal(error, CLIENT, "r", "EVALSHA")
    assert isinstance(found, kind)
    assert found.exit_code == 2
    assert says in str(found)
