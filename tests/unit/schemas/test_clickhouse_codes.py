"""The codes are those of ClickHouse: the driver's list has the same numbers for the names that it knows."""

from clickhouse_driver.errors import ErrorCodes

from schemas.clickhouse_codes import MISSING, NO_LOGIN, NO_RIGHT, PASSING, ErrorCode

NEWER = {"QUOTA_EXCEEDED", "SYSTEM_ERROR", "CANNOT_SCHEDULE_TASK", "S3_ERROR", "UNKNOWN_CODEC"} | {
    "ACCESS_DENIED",
    "AUTHENTICATION_FAILED",
    "SETTING_CONSTRAINT_VIOLATION",
    "TOO_FEW_LIVE_REPLICAS",  # the driver has an older name for it
}


def test_names_and_numbers_are_the_drivers() -> None:
    assert {code.name for code in ErrorCode if not hasattr(ErrorCodes, code.name)} <= NEWER
    assert all(getattr(ErrorCodes, code.name, code) == code for code in ErrorCode)


def test_no_code_has_two_meanings() -> None:
    groups = (MISSING, NO_LOGIN, NO_RIGHT, PASSING)
    assert len(frozenset().union(*groups)) == sum(map(len, groups))
