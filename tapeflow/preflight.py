"""What a flow needs before it starts: its brokers and topic, its Redis or ClickHouse, its tables.

The runner asks before it starts several workers, a worker before it builds its flow. Law: what a user can mend is one
line within ten seconds, and nothing is written before. The surprise: only a start is this strict; a flow that runs
waits for a server that goes away.
"""

from connectors.kafka_start import TopicQuestions
from flows.reading import read_options
from sinks.clickhouse import connect as connect_clickhouse
from sinks.clickhouse_migrations import check_tables
from sinks.redis import connect as connect_redis
from tapeflow.settings import Settings

__all__ = ["check_flow"]


def check_flow(name: str, settings: Settings) -> None:
    """Raises MissingObject, SettingError or Unreachable for what the flow would miss."""
    with TopicQuestions(read_options(settings)) as questions:
        questions.facts()
    if name == "live":
        connect_redis(settings.redis_url).close()
    elif name == "history":
        client = connect_clickhouse(settings.clickhouse_dsn)
        try:
            check_tables(client, settings.clickhouse_database)
        finally:
            client.disconnect()
