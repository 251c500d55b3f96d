"""From settings to the batches of a desk's topics: which there are, how they are read, by which rules they count.

flows.analytics starts here for each kind. Sources, refused records and records that were put back are those of trades
(flows.reading), with the desk's topic in the place of the topic of trades; each topic has dead letters of its own.
"""

import threading
from collections.abc import Callable
from typing import Final

import numpy as np

from connectors.desk.decoder import DeskDecoder
from connectors.kafka.source import KafkaSource
from core.analytics.rules import DeskRules, FeedRules
from flows.batch_spans import traced
from flows.reading import read_options, requeued_places, resolver_of
from kernels.decimal_text import units
from runtime.settings.whole import Settings
from schemas.columns import RawBatch
from schemas.desk import TABLE_OF, DeskBatch, DeskKind
from schemas.errors import SettingError
from schemas.names import dead_letter_topic

__all__ = [
    "SETTING_OF",
    "desk_decoding",
    "desk_rules",
    "desk_settings",
    "desk_source",
    "desk_topics",
    "feed_rules",
]

PERCENTS: Final = ("warning_clear", "warning", "critical_clear", "critical")
SETTING_OF: Final[dict[DeskKind, str]] = {"routing": "routing_topic", "lp": "lp_topic", "exposure": "exposure_topic"}


def desk_topics(settings: Settings) -> dict[DeskKind, str]:
    """The topics of the kinds that are read."""
    return {kind: getattr(settings, name) for kind, name in SETTING_OF.items() if kind in settings.analytics_kinds}


def desk_settings(settings: Settings, topic: str) -> Settings:
    """The settings with ``topic`` where that of trades stands, for what knows of one topic only."""
    return settings.model_copy(update={"kafka_topic": topic, "dead_letter_topic": dead_letter_topic(topic)})


def desk_rules(settings: Settings) -> DeskRules:
    """The settings that decide what a record of a desk does. Raises SettingError for bounds that overlap."""
    bounds = [getattr(settings, f"exposure_{name}_percent") for name in PERCENTS]
    if bounds != sorted(bounds):
        raise SettingError(
            f"the percents {bounds} don't rise",
            where=", ".join(f"TAPEFLOW_EXPOSURE_{name.upper()}_PERCENT" for name in PERCENTS),
            mend="a level begins at or above where it ends, and critical above warning",
        )
    return DeskRules(
        out_of_order_us=settings.out_of_order_ms * 1000,
        lateness_us=settings.lateness_ms * 1000,
        passed_per_second=settings.decisions_passed_per_s,
        source_epoch=settings.source_epoch,
        lp_silence_us=settings.lp_silence_ms * 1000,
        lp_up=frozenset(settings.lp_up_statuses),
        exposures_passed_per_second=settings.exposures_passed_per_s,
        exposure_limit=units(settings.exposure_limit) or None,
        warning_percent=settings.exposure_warning_percent,
        warning_clear_percent=settings.exposure_warning_clear_percent,
        critical_percent=settings.exposure_critical_percent,
        critical_clear_percent=settings.exposure_critical_clear_percent,
        reject_percent=settings.routing_reject_percent,
        execution_p99_us=settings.routing_execution_ms * 1000,
        alert_decisions_min=settings.routing_alert_decisions_min,
        rejections=frozenset(settings.routing_rejections),
    )


def feed_rules(settings: Settings) -> FeedRules:
    """The settings that decide when there is an alert about trades."""
    return FeedRules(
        frozenset(settings.trade_alerts),
        silence_us=settings.trade_silence_ms * 1000,
        clear_us=settings.trade_alert_clear_ms * 1000,
        deviations=settings.trade_jump_deviations,
    )


def desk_source(settings: Settings, kind: DeskKind, stop: threading.Event) -> KafkaSource[DeskBatch]:
    """Batches of a kind's topic, which ``settings`` name as the topic; see desk_settings. Asks the brokers."""

    def empty(topic: str, partition: int, next_offset: int) -> DeskBatch:
        return DeskBatch(kind, topic, partition, np.empty(0, TABLE_OF[kind]), (), 0, next_offset, caught_up=True)

    return KafkaSource(read_options(settings), traced(desk_decoding(settings, kind, stop)), empty=empty, stop=stop)


def desk_decoding(
    settings: Settings, kind: DeskKind, stop: threading.Event | None = None
) -> Callable[[RawBatch], DeskBatch]:
    """What makes batches of raw ones, as ``settings`` of the kind's topic say; asks the brokers what was put back."""
    decoder = DeskDecoder(
        kind,
        resolver_of(settings, stop),
        future_us=settings.future_ms * 1000,
        value_bytes_max=settings.value_bytes_max,
    )
    requeued = {partition: set(places.tolist()) for partition, places in requeued_places(settings).items()}

    def decode(raw: RawBatch) -> DeskBatch:
        return decoder.decode(raw, requeued.get(raw.partition, ()))

    return decode
