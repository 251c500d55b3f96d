"""The settings of reports, as fields that runtime.settings.whole adds its own to.

A part of the one flat class: their names begin with gateway_report, and everything said there of values and sources
holds. All are bounds: of what one user, one report, one query or one process may cost.
"""

from pydantic_settings import BaseSettings

from runtime.settings.types import setting

__all__ = ["ReportSettings"]


class ReportSettings(BaseSettings):
    """What ``/api/reports`` may cost, and how long a result is kept."""

    gateway_reports_at_once: int = setting(
        2,
        "Reports that one REST process works on at once; 0 leaves the work to other gateways of the same Redis",
        unit="reports",
        ge=0,
        le=64,
    )
    gateway_reports_per_user: int = setting(
        2, "Reports of one user that wait or are worked on, over all gateways", unit="reports", ge=1, le=1_000
    )
    gateway_reports_kept: int = setting(
        20, "Reports of one user, over all gateways, the finished ones included", unit="reports", ge=1, le=10_000
    )
    gateway_report_keep_s: int = setting(
        86_400, "How long a finished report can be fetched", unit="s", ge=60, le=31 * 86_400
    )
    gateway_report_rows_max: int = setting(
        1_000_000, "Rows that one report may read into its result", unit="rows", ge=1, le=100_000_000
    )
    gateway_report_memory_mb: int = setting(
        512, "Memory of ClickHouse for one query of a report", unit="MB", ge=16, le=1_000_000
    )
    gateway_report_query_ms: int = setting(
        60_000, "A query of a report is given up after this", unit="ms", ge=100, le=3_600_000
    )
    gateway_report_s_max: int = setting(600, "A report is given up after this", unit="s", ge=1, le=86_400)
