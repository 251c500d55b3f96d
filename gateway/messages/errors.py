"""The codes of error messages on WebSocket channels, a closed list.

Dialects, hub and document take them from here; a client can tell by the code what to do without reading the text.
"""

from typing import Annotated, Final

from msgspec import Meta

__all__ = ["ERROR_CODES", "ErrorCode"]

ERROR_CODES: Final = {
    "PARSE_ERROR": "the message is no JSON object",
    "INVALID_MESSAGE": "a field is missing, unknown or of the wrong kind",
    "INVALID_SYMBOL": "not a symbol, or it has not traded yet; then its first trade will be sent",
    "INVALID_INTERVAL": "not a bar length",
    "INVALID_TIMEFRAME": "not a timeframe; there is real-time",
    "INVALID_CHANNEL": "not a channel",
    "FORBIDDEN_SYMBOL": "the token doesn't cover the symbol",
    "FORBIDDEN_CHANNEL": "the token's role may not join the channel",
    "UNKNOWN_WATCHLIST": "the user has no watchlist of this id",
    "SUBSCRIPTION_LIMIT": "more symbols or watchlists than one connection may have; the ones named are left out",
}
ErrorCode = Annotated[
    str,
    Meta(
        title="ErrorCode",
        description="; ".join(f"{code}: {why}" for code, why in ERROR_CODES.items()),
        extra_json_schema={"enum": list(ERROR_CODES)},
    ),
]
