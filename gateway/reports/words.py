"""What is asked of reports and what is said of them: shapes of REST, and what a job carries from one to the other.

A request's body becomes an ``Ask``: checked, with the symbols that the token allows. It travels through Redis as JSON,
so that any gateway can take the job. ``TooMuch`` is what a user can mend: the report asks for too much.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.messages.values import MS_MAX, Milliseconds, SymbolName
from schemas.errors import TapeflowError
from schemas.intervals import INTERVALS

__all__ = [
    "EXAMPLE",
    "FORMATS",
    "KIND_NAMES",
    "SYMBOLS_MAX",
    "Ask",
    "ReportAnswer",
    "ReportBody",
    "TooMuch",
]

KIND_NAMES: Final = (
    "bars",
    "trades",
    "stats",
    "top-movers",
    "volume-profile",
    "correlation",
    "volatility",
    "lp-scorecard",
    "exposure-history",
)
FORMATS: Final = ("json", "csv", "parquet", "arrow")
SYMBOLS_MAX: Final = 500
EXAMPLE: Final = {
    "id": "6f1d0c9b8a7e4f5d9c3b2a1908f7e6d5",
    "kind": "bars",
    "symbols": ["BTC/USDT"],
    "startTime": 1767139200000,
    "endTime": 1767225599999,
    "interval": "1h",
    "state": "running",
    "progress": 0.25,
    "rows": 6,
    "bytes": 1740,
    "error": None,
    "createdAt": 1767225600123,
    "startedAt": 1767225600130,
    "finishedAt": None,
    "expiresAt": 1767312000123,
}
State = Annotated[Literal["queued", "running", "done", "failed"], Meta(title="ReportState")]
Time = Annotated[int, Meta(ge=0, extra_json_schema={"maximum": MS_MAX})]
KindName = Annotated[
    str, Meta(title="ReportKind", description="What is reported", extra_json_schema={"enum": list(KIND_NAMES)})
]
Length = Annotated[
    str,
    Meta(
        title="ReportInterval",
        description="Length of the bars, or of windows of exposure, that are reported or computed from; 1d and 1w are "
        "taken as 1D and 1W",
        extra_json_schema={"enum": [*(each.name for each in INTERVALS), "1d", "1w"]},
    ),
]


class TooMuch(TapeflowError):
    """The report asks for too much; ``mend`` says what to change."""

    fault = "user"


class ReportBody(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What is wanted: a kind, over symbols and a range of time; both ends of the range are included."""

    kind: KindName
    start_time: Annotated[Time, Meta(description="From here on, milliseconds since the epoch; of bars, their start")]
    end_time: Annotated[Time, Meta(description="Up to here, milliseconds since the epoch; of bars, their start")]
    symbols: Annotated[
        list[SymbolName], Meta(max_length=SYMBOLS_MAX, description="Left out: all that the token gives access to")
    ] = []
    interval: Length = "1h"
    limit: Annotated[int, Meta(ge=1, le=1000, description="Of top-movers: how many that rose, and that fell")] = 20
    buckets: Annotated[int, Meta(ge=1, le=1000, description="Of volume-profile: at most so many price ranges")] = 50


class Ask(msgspec.Struct, kw_only=True, frozen=True):
    """A report to be made. ``access``: names and globs of symbols that its owner may see."""

    kind: str
    low_us: int
    high_us: int
    symbols: tuple[str, ...]
    interval: str
    limit: int
    buckets: int
    access: tuple[str, ...]


class ReportAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """A report: what was asked, how far it is, and until when its result can be fetched."""

    id: str
    kind: KindName
    symbols: Annotated[list[SymbolName], Meta(description="Empty: all that the token gave access to")]
    start_time: Milliseconds
    end_time: Milliseconds
    interval: Length
    state: State
    progress: Annotated[float, Meta(ge=0, le=1, description="How far it is: 1 when it is done")]
    rows: Annotated[int, Meta(ge=0, description="Rows of the result so far")]
    bytes: Annotated[int, Meta(ge=0, description="Bytes of the result so far, as JSON")]
    error: Annotated[str | None, Meta(description="Why it failed, and what to change")]
    created_at: Milliseconds
    started_at: Milliseconds | None
    finished_at: Milliseconds | None
    expires_at: Annotated[int, Meta(description="Then it is forgotten, milliseconds since the epoch")]
