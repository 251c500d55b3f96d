"""The settings of traces: where spans go, and which things get one.

A part of runtime.settings.whole; everything said there of values and sources holds. runtime.tracing is made from it.
"""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import setting, urls

__all__ = ["TracingSettings"]


class TracingSettings(BaseSettings):
    """Spans of OpenTelemetry over OTLP/HTTP."""

    trace_url: Annotated[str, AfterValidator(urls("http", "https"))] = setting(
        "", "Where spans go by OTLP/HTTP, such as http://collector:4318/v1/traces; empty means no traces, at no cost"
    )
    trace_headers: dict[str, str] = setting(
        {}, "Headers for the collector, such as its authorization; JSON", secret=True
    )
    trace_records: int = setting(
        0,
        "1 in so many records of `produce` and `ingest` begins a trace, in its header traceparent; 0 means none",
        ge=0,
    )
    trace_one_in: int = setting(
        1000,
        "1 in so many batches, writes, requests and sessions is traced though nothing asks for it; 0 means none",
        ge=0,
    )
    trace_per_s: int = setting(
        10,
        "At most so many traces a second begin or go on in a process: records sent, batches, requests, sessions; "
        "what is more is counted and has no span. 0 means any number; each costs up to half a millisecond",
        ge=0,
    )
    trace_slow_ms: int = setting(1000, "What takes at least so long is traced, as is what fails", unit="ms", ge=1)
