"""ClickHouse's error codes by name, and what those mean that several places must understand alike.

The sink, the gateway's history and the local front take their numbers from here, so that a number stands in one place
and every other place says its name. Names and numbers are those of ClickHouse's src/Common/ErrorCodes.cpp. The driver
has a list of its own, which ends before the newer ones.
"""

from enum import IntEnum
from typing import Final

__all__ = ["MISSING", "NO_LOGIN", "NO_RIGHT", "PASSING", "ErrorCode"]


class ErrorCode(IntEnum):
    """Only those that somebody here asks for or answers with."""

    NO_SUCH_COLUMN_IN_TABLE = 16
    CANNOT_PARSE_INPUT_ASSERTION_FAILED = 27
    NOT_IMPLEMENTED = 48
    UNKNOWN_TYPE = 50
    UNKNOWN_TABLE = 60
    UNKNOWN_DATABASE = 81
    UNKNOWN_SETTING = 115
    TOO_MANY_ROWS = 158
    TIMEOUT_EXCEEDED = 159
    TOO_SLOW = 160
    READONLY = 164
    UNKNOWN_USER = 192
    WRONG_PASSWORD = 193
    REQUIRED_PASSWORD = 194
    IP_ADDRESS_NOT_ALLOWED = 195
    QUOTA_EXCEEDED = 201
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    NO_FREE_CONNECTION = 203
    SOCKET_TIMEOUT = 209
    NETWORK_ERROR = 210
    ABORTED = 236
    MEMORY_LIMIT_EXCEEDED = 241
    TABLE_IS_READ_ONLY = 242
    NOT_ENOUGH_SPACE = 243
    TOO_MANY_PARTS = 252
    ALL_CONNECTION_TRIES_FAILED = 279
    TOO_FEW_LIVE_REPLICAS = 285
    UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE = 286
    DATABASE_ACCESS_DENIED = 291
    UNKNOWN_STATUS_OF_INSERT = 319
    QUERY_WAS_CANCELLED = 394
    SYSTEM_ERROR = 425
    UNKNOWN_CODEC = 432
    CANNOT_SCHEDULE_TASK = 439
    SETTING_CONSTRAINT_VIOLATION = 452
    ACCESS_DENIED = 497
    S3_ERROR = 499
    AUTHENTICATION_FAILED = 516
    KEEPER_EXCEPTION = 999


MISSING: Final = frozenset(
    {ErrorCode.NO_SUCH_COLUMN_IN_TABLE, ErrorCode.UNKNOWN_TABLE, ErrorCode.UNKNOWN_DATABASE},
)
"""What is asked for isn't there; migrations make it."""
NO_LOGIN: Final = frozenset(
    {
        ErrorCode.UNKNOWN_USER,
        ErrorCode.WRONG_PASSWORD,
        ErrorCode.REQUIRED_PASSWORD,
        ErrorCode.IP_ADDRESS_NOT_ALLOWED,
        ErrorCode.AUTHENTICATION_FAILED,
    }
)
"""The user of the DSN isn't let in."""
NO_RIGHT: Final = frozenset({ErrorCode.READONLY, ErrorCode.ACCESS_DENIED})
"""The user may not do this: it (or its profile) may only read, or a grant is missing."""
PASSING: Final = frozenset(
    {
        ErrorCode.TIMEOUT_EXCEEDED,
        ErrorCode.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCode.NO_FREE_CONNECTION,
        ErrorCode.SOCKET_TIMEOUT,
        ErrorCode.NETWORK_ERROR,
        ErrorCode.ABORTED,
        ErrorCode.MEMORY_LIMIT_EXCEEDED,
        ErrorCode.TABLE_IS_READ_ONLY,
        ErrorCode.NOT_ENOUGH_SPACE,
        ErrorCode.TOO_MANY_PARTS,
        ErrorCode.ALL_CONNECTION_TRIES_FAILED,
        ErrorCode.TOO_FEW_LIVE_REPLICAS,
        ErrorCode.UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE,
        ErrorCode.UNKNOWN_STATUS_OF_INSERT,
        ErrorCode.QUERY_WAS_CANCELLED,
        ErrorCode.SYSTEM_ERROR,
        ErrorCode.CANNOT_SCHEDULE_TASK,
        ErrorCode.S3_ERROR,
        ErrorCode.KEEPER_EXCEPTION,
    }
)
"""Refusals of an insert that pass by themselves: too many queries or parts, memory, disk, Keeper, other nodes."""
