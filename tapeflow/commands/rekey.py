"""``tapeflow rekey``: a topic keyed by anything, or by nothing, to one keyed by symbol, in the foreground.

Whatever it would miss is said in one line before a worker starts. Ctrl-C drains it, and the next run goes on.
"""

from typing import Annotated

import typer

from tapeflow.commands.entry import enter

__all__ = ["rekey"]


def rekey(
    target: Annotated[str | None, typer.Option("--to", help="Topic to write instead of TAPEFLOW_REKEY_TOPIC.")] = None,
    topic: Annotated[str | None, typer.Option(help="Topic to read instead of TAPEFLOW_KAFKA_TOPIC.")] = None,
    partitions: Annotated[int, typer.Option(min=0, help="Create the topic with so many if it isn't there.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes on this host; one core each.")] = 1,
) -> None:
    """Copy records under their symbol as key, values untouched, each exactly once; needs a broker with transactions.

    Then let the flows read the new topic (TAPEFLOW_KAFKA_TOPIC).

    Example: tapeflow rekey --topic raw-trades --to trades --partitions 8
    """
    from flows.rekey import check_topics
    from jobs.produce.kafka_writer import RecordWriter, ensure_topic
    from processes.runner import run_flow

    settings = enter(kafka_topic=topic, rekey_topic=target)
    check_topics(settings)
    if partitions:
        ensure_topic(settings.kafka_bootstrap, settings.rekey_topic, partitions, settings.kafka_properties)
    RecordWriter(settings.kafka_bootstrap, settings.rekey_topic, settings.kafka_properties).check()
    run_flow("rekey", processes, settings)
