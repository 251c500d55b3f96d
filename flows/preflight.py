"""What a flow needs before it starts: its brokers and topic, its registry, its Redis or ClickHouse and tables.

The runner asks before it starts several workers, a worker before it builds its flow, and a flow that Bytewax's own
runner builds asks for itself. What a user can mend is one line within ten seconds, and nothing is written before. Only
a start is this strict; a flow that runs waits for a server that goes away.
"""

from connectors.kafka.questions import TopicQuestions
from connectors.kafka.topic_config import topic_config
from flows.reading import read_options, registry_of
from runtime.settings.clickhouse import ClickHouseSettings
from runtime.settings.redis import RedisSettings
from runtime.settings.whole import Settings
from schemas.errors import SettingError
from schemas.names import armed_topic
from sinks.redis.connection import asked, check_writer

__all__ = [
    "check_alerts",
    "check_clickhouse",
    "check_compacted",
    "check_desk",
    "check_flow",
    "check_quotes",
    "check_redis",
]


def check_redis(settings: RedisSettings) -> None:
    """Raises SettingError or Unreachable when the live flow could not write."""
    with asked(settings.redis_url) as client:
        check_writer(client, settings.redis_url)


def check_clickhouse(settings: ClickHouseSettings) -> None:
    """Raises MissingObject, SettingError or Unreachable when the history flow could not write."""
    # The driver makes a table of all days when it is imported, a tenth of a second; live starts without it.
    from sinks.clickhouse.connection import connect as connect_clickhouse  # noqa: PLC0415
    from sinks.clickhouse.migrations import check_tables  # noqa: PLC0415

    client = connect_clickhouse(settings.clickhouse_dsn)
    try:
        check_tables(client, settings.clickhouse_database)
    finally:
        client.disconnect()


def check_alerts(settings: Settings) -> None:
    """Raises what check_redis and check_clickhouse raise when the alerts flow could not write, and SettingError when
    the topics of rules forget."""
    check_redis(settings)
    check_clickhouse(settings)
    for topic in (settings.alert_rules_topic, armed_topic(settings.alert_rules_topic)):
        check_compacted(settings, topic)


def check_compacted(settings: Settings, topic: str) -> None:
    """Raises SettingError where a topic that is there forgets. A broker that doesn't tell is believed."""
    config = topic_config(settings.kafka_bootstrap, topic, settings.kafka_properties).values
    policy = config.get("cleanup.policy")
    if policy is not None and policy != "compact":
        raise SettingError(
            f"topic {topic} has cleanup.policy {policy}: rules are forgotten with their records",
            where=settings.kafka_bootstrap,
            mend="kafka-configs --alter --entity-type topics --entity-name … --add-config cleanup.policy=compact",
        )


def check_desk(settings: Settings) -> None:
    """Raises MissingObject, SettingError or Unreachable when the analytics flow could not read or write."""
    # Only this flow needs a desk's kernels; every other one starts without loading them.
    from flows.analytics_reading import desk_settings, desk_topics  # noqa: PLC0415

    for topic in desk_topics(settings).values():
        with TopicQuestions(read_options(desk_settings(settings, topic))) as questions:
            questions.check_start()
    if settings.trade_alerts:
        with TopicQuestions(read_options(settings)) as questions:
            questions.check_start()
    check_redis(settings)
    check_clickhouse(settings)


def check_quotes(settings: Settings) -> None:
    """Raises MissingObject, SettingError or Unreachable when the quotes flow could not read or write."""
    from flows.quotes_reading import quotes_settings  # noqa: PLC0415 - likewise

    with TopicQuestions(read_options(quotes_settings(settings))) as questions:
        questions.check_start()
    if settings.schema_registry_url and settings.quotes_format == "confluent":
        registry_of(settings).check()
    check_redis(settings)
    if settings.quote_intervals:
        check_clickhouse(settings)


def check_flow(name: str, settings: Settings) -> None:
    """Raises MissingObject, SettingError, InputError or Unreachable for what the flow would miss."""
    if name == "quotes":
        check_quotes(settings)
        return
    if name != "analytics":
        with TopicQuestions(read_options(settings)) as questions:
            questions.check_start()
    if settings.schema_registry_url and settings.value_format == "confluent":
        registry_of(settings).check()
    if name == "live":
        check_redis(settings)
    elif name == "history":
        check_clickhouse(settings)
    elif name == "analytics":
        check_desk(settings)
    elif name == "alerts":
        check_alerts(settings)
