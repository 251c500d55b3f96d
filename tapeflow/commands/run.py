"""``tapeflow run``: one of the long-running flows, in the foreground.

Whatever it would miss (a broker, the topic, a table) is said in one line before any worker starts.
"""

from enum import StrEnum
from typing import Annotated

import typer

from schemas.errors import SettingError
from tapeflow.commands.entry import enter

__all__ = ["FlowName", "run"]


class FlowName(StrEnum):
    live = "live"
    history = "history"
    alerts = "alerts"
    analytics = "analytics"
    quotes = "quotes"


def run(
    flow: Annotated[
        FlowName,
        typer.Argument(
            help="live: Redis and fan-out. history: ClickHouse. alerts: users' rules. analytics: a desk, to both."
            " quotes: best bids and asks."
        ),
    ],
    processes: Annotated[int, typer.Option(min=1, help="Worker processes on this host; one core each.")] = 1,
    standby: Annotated[
        bool,
        typer.Option("--standby", help="Of live: run only while no other does, else stand by, prepared to take over."),
    ] = False,
) -> None:
    """Run a flow until Ctrl-C or SIGTERM, which drain it and keep its state.

    Examples: tapeflow run live or TAPEFLOW_KAFKA_BOOTSTRAP=kafka:9092 tapeflow run history --processes 4
    """
    from processes.runner import run_flow

    if standby and flow is not FlowName.live:
        raise SettingError(f"{flow.value} has no standby", where="--standby", mend="only live has one")
    run_flow(flow.value, processes, enter(standby=standby or None))
