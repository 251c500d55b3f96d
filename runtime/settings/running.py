"""The settings of a process: recovery, its place among several, metrics and logs.

A part of runtime.settings.whole; everything said there of values and sources holds.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import Names, addresses, setting

__all__ = ["RunningSettings"]


class RunningSettings(BaseSettings):
    """How a process runs and tells about itself."""

    epoch_ms: int = setting(
        2_000, "Time between snapshots; what a crash repeats, and what recovery costs", unit="ms", ge=100, le=60_000
    )
    recovery_dir: Path = setting(Path(".data/recovery"), "Folder of recovery state; must outlive the process")
    recovery_partitions: int = setting(
        4, "Files of recovery state; each costs every epoch a moment; fixed when the state is made", ge=1, le=1024
    )
    cluster_addresses: Annotated[Names, AfterValidator(addresses)] = setting(
        (), "host:port of every process of the flow, in order, with commas; empty means one process or --processes"
    )
    cluster_process: int = setting(
        -1, "Which of cluster_addresses this process is; -1 takes the number at the end of its hostname", ge=-1, le=1023
    )
    standby: bool = setting(
        False,
        "Live runs only while it has a lease in Redis, and stands by while another has it; as `run --standby`",
    )
    lease_ms: int = setting(
        1_000,
        "Life of that lease, renewed at a third of it: how long after a crash of who has it another may take it",
        unit="ms",
        ge=200,
        le=60_000,
    )
    data_dir: Path = setting(Path(".data"), "Folder of the embedded stack's data")
    metrics_host: str = setting(
        "0.0.0.0",  # noqa: S104 - Prometheus scrapes from elsewhere
        "Address that metrics are served on; 127.0.0.1 keeps them on the host",
    )
    metrics_port: int = setting(0, "Port of Prometheus metrics; 0 means off", ge=0, le=65_535)
    quality_metrics: Literal["off", "partitions", "symbols"] = setting(
        "partitions",
        "Quality figures of history as metrics: added up per partition, or of each symbol, which may be many series",
    )
    log_format: Literal["auto", "json", "console"] = setting("auto", "auto writes for people on a terminal, else JSON")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Least level that is logged")
