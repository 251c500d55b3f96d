"""The settings of topics: where trades come from, where refused ones and final bars go, who explains schemas.

A part of runtime.settings.whole; everything said there of values and sources holds. Sources and the sinks of Kafka are
made from it.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator
from pydantic_settings import BaseSettings

from runtime.settings.types import address_list, setting, start_position, urls
from schemas.names import TRADES_TOPIC, dead_letter_topic

__all__ = ["KafkaSettings"]


class KafkaSettings(BaseSettings):
    """Which brokers and topics, and the registry of their schemas."""

    kafka_bootstrap: Annotated[str, AfterValidator(address_list)] = setting(
        "127.0.0.1:9092", "Kafka brokers to start from; the default is a broker on this machine"
    )
    kafka_topic: str = setting(TRADES_TOPIC, "Topic of trades, keyed by symbol", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    kafka_properties: dict[str, str | int | float | bool] = setting(
        {}, "librdkafka properties passed through as they are, such as SASL and TLS; JSON", secret=True
    )
    kafka_start: Annotated[str, AfterValidator(start_position)] = setting(
        "earliest", "Where a flow without recovery state starts; earliest, so that no bar begins in its middle"
    )
    kafka_group: str = setting(
        "tapeflow",
        "First part of the consumer groups in which flows say how far they are, such as tapeflow-live, for Kafka's own "
        "tools; recovery doesn't read them; empty means none",
        pattern=r"^[A-Za-z0-9._-]{0,200}$",
    )
    dead_letter_topic: str = setting(
        "",
        "Topic of refused records; empty means the trades topic with .dead-letter behind its name",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    dead_letters_from: Literal["history", "live", "both", "none"] = setting(
        "history", "Which flow writes refused records to the dead-letter topic; one is enough when both run"
    )
    rekey_topic: str = setting(
        "",
        "Topic keyed by symbol that `tapeflow rekey` writes from the trades topic; empty means none",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    bars_topic: str = setting(
        "",
        "Compacted topic that gets final bars; empty means off, as most readers use ClickHouse",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    schema_registry_url: Annotated[str, AfterValidator(urls("http", "https"))] = setting(
        "",
        "Schema Registry that explains schema ids, several nodes with commas; "
        "empty means the schemas shipped with tapeflow",
    )
    schema_registry_user: str = setting("", "User for the registry's basic authentication; empty means none")
    schema_registry_password: str = setting("", "Password for the registry's basic authentication", secret=True)
    schema_registry_properties: dict[str, str | int | float | bool] = setting(
        {},
        "Properties of Confluent's registry client passed through as they are, such as ssl.ca.location, "
        "ssl.certificate.location and bearer.auth.credentials.source; JSON",
        secret=True,
    )

    @model_validator(mode="after")
    def _derive(self) -> Self:
        if not self.dead_letter_topic:
            object.__setattr__(self, "dead_letter_topic", dead_letter_topic(self.kafka_topic))
        return self
