"""What ClickHouse refuses for good, as one line that names the table, the user and the right that is missing.

sinks.clickhouse.sink and sinks.clickhouse.migrations ask for it. What passes by itself (too many parts, memory, a full
disk of the server) is no refusal: it is waited for. A quota is one, since it may last for a day.
"""

from clickhouse_driver import errors

from schemas.clickhouse_codes import MISSING, NO_LOGIN, NO_RIGHT, ErrorCode
from schemas.errors import MissingObject, SettingError, TapeflowError, WriteFailed

__all__ = ["refusal"]


def refusal(error: errors.ServerException, words: str, *, right: str, on: str, user: str, where: str) -> TapeflowError:
    """The error to raise. words: the server's, one line. right: what was tried, as GRANT calls it, on what."""
    words = words.removesuffix("Stack trace:").strip()
    if error.code in MISSING:
        return MissingObject(words, where=where, mend="run `tapeflow migrate`")
    if error.code in NO_LOGIN:
        return SettingError("ClickHouse refused the login", where=where, mend=f"set TAPEFLOW_CLICKHOUSE_DSN ({words})")
    if error.code in NO_RIGHT:
        return SettingError(
            f"ClickHouse refuses user {user} {right} on {on}: the right is missing",
            where=where,
            mend=f"GRANT {right} ON {on} TO {user} ({words})",
        )
    if error.code == ErrorCode.QUOTA_EXCEEDED:
        return WriteFailed(f"a quota of user {user} refuses {right} on {on}", where=where, mend=words)
    return WriteFailed(f"ClickHouse refused {right} on {on}", where=where, mend=words)
