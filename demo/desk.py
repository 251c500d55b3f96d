"""The demo's dealing desk: its flows, what it sends, and a few rules about prices.

The demo starts it once trades flow, so that nobody waits for it. An hour and a quarter of the desk's past goes out at
once, with the times of then, so that minutes and hours of figures are over while the demo runs; from there on it keeps
our time. Rules are made through the gateway as a user would, about prices of that moment. A thread does all of it, and
ends when it is asked to; what stopped it is raised then.
"""

import itertools
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows.analytics_reading import desk_settings, desk_topics
from jobs.produce.desk import DeskMarket, DeskRecord, desk_encoder
from jobs.produce.kafka_writer import RecordWriter, ensure_topic
from processes.runner import Samples
from runtime.settings.whole import Settings
from schemas.desk import DeskKind
from schemas.errors import WriteFailed
from schemas.names import dead_letter_topic

__all__ = ["DemoDesk", "DeskFigures", "desk_figures", "ensure_desk_topics"]

SYMBOLS: Final = 8
"""So few that all of them come, and the exposure to them nears its limit."""
SEED: Final = 1
RATES: Final[Mapping[DeskKind, float]] = {"routing": 40.0, "lp": 5.0, "exposure": 4.0}
PAST_RATES: Final[Mapping[DeskKind, float]] = {"routing": 0.2, "lp": 0.25, "exposure": 0.2}
"""Records a second of the past."""
PAST_US: Final = 75 * 60_000_000
SLICE_S: Final = 0.2
ASK_S: Final = 0.25
REQUEST_S: Final = 5.0
RULE_SYMBOLS: Final = 3
RULES_MAX: Final = 60
RULE_EVERY_S: Final = 5.0
"""How long a price is left alone before new rules are made about where it is then."""
COOLDOWN_MS: Final = 3_000
NO_SAMPLES: Final[Samples] = {}


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """What the desk's two flows say. read: records of a desk; looked_at: trades that rules were held against."""

    read: int = 0
    lag: int = 0
    fired: int = 0
    looked_at: int = 0
    rules: int = 0


def desk_figures(analytics: Samples = NO_SAMPLES, alerts: Samples = NO_SAMPLES) -> DeskFigures:
    """Everything at zero where nothing was scraped."""

    def total(samples: Samples, wanted: str) -> int:
        return sum(int(value) for (name, _), value in samples.items() if name == wanted)

    return DeskFigures(
        read=total(analytics, "tapeflow_desk_records_total"),
        lag=max(total(analytics, "tapeflow_lag_records"), 0),
        fired=total(alerts, "tapeflow_alerts_fired_total"),
        looked_at=total(alerts, "tapeflow_records_read_total"),
        rules=total(alerts, "tapeflow_alert_rules"),
    )


def ensure_desk_topics(settings: Settings) -> None:
    """One partition each, as docs/analytics.md wants it."""
    for topic in desk_topics(settings).values():
        ensure_topic(settings.kafka_bootstrap, topic, 1)
        ensure_topic(settings.kafka_bootstrap, dead_letter_topic(topic), 1)


class Feed:
    """Sends the records of one kind, those of the past first."""

    def __init__(self, kind: DeskKind, settings: Settings) -> None:
        self._kind = kind
        self._market = DeskMarket(kind, SYMBOLS, SEED)
        self._encode = desk_encoder(kind, "confluent")
        self.writer = RecordWriter(settings.kafka_bootstrap, settings.kafka_topic)
        self._begun_us = self._until_us = time.time_ns() // 1000
        self._made = 0

    def send_past(self) -> None:
        count = int(PAST_US / 1_000_000 * PAST_RATES[self._kind])
        self._send(self._market.take(count, self._begun_us - PAST_US, PAST_US))

    def send_due(self) -> None:
        """What is due by now."""
        now_us = time.time_ns() // 1000
        due = int((now_us - self._begun_us) / 1_000_000 * RATES[self._kind])
        if due > self._made:
            self._send(self._market.take(due - self._made, self._until_us, now_us - self._until_us))
            self._made, self._until_us = due, now_us

    def _send(self, records: Sequence[DeskRecord]) -> None:
        self.writer.send(
            [self._encode(each) for each in records],
            [each.key.encode() for each in records],
            [each.fields["eventTime"] // 1000 for each in records],
        )


class DemoDesk:
    """rest: where the gateway's REST is. is_ready: whether the alerts flow has read trades. symbols: of the rules."""

    def __init__(self, settings: Settings, rest: str, symbols: Sequence[str], is_ready: Callable[[], bool]) -> None:
        self._rest = rest
        self._symbols = list(symbols[:RULE_SYMBOLS])
        self._is_ready = is_ready
        self._feeds: dict[str, Feed] = {
            topic: Feed(kind, desk_settings(settings, topic)) for kind, topic in desk_topics(settings).items()
        }
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=f"demo-{work.__name__}", daemon=True)
            for work in (self._send, self._make_rules)
        ]
        self._failure: Exception | None = None
        self.rules_made = 0

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> dict[str, int]:
        """End, and give the number of records that the broker has of each topic. Raises what stopped the desk."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure
        return {topic: feed.writer.finish() for topic, feed in self._feeds.items()}

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - carried over to the main thread, which raises it
            self._failure = error

    def _send(self) -> None:
        for feed in self._feeds.values():
            feed.send_past()
        while not self._ended.wait(SLICE_S):
            for feed in self._feeds.values():
                feed.send_due()

    def _make_rules(self) -> None:
        while not self._is_ready():
            if self._ended.wait(ASK_S):
                return
        pause_s = 0.0
        for symbol in itertools.cycle(self._symbols):
            if symbol == self._symbols[0] and self.rules_made:
                pause_s = RULE_EVERY_S
            if self._ended.wait(pause_s):
                return
            while (price := self._price(symbol)) is None:
                if self._ended.wait(ASK_S):
                    return
            for rule in rules_about(symbol, price):
                self._ask("/api/alert-rules", rule)
                self.rules_made += 1
            if self.rules_made >= RULES_MAX:
                return

    def _price(self, symbol: str) -> str | None:
        """None before its first trade."""
        try:
            told = self._ask("/api/prices/" + urllib.parse.quote(symbol, safe=""))
        except WriteFailed:
            return None
        return str(told["price"])

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own gateway
            self._rest + path, data, {"Content-Type": "application/json"}, method="GET" if data is None else "POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_S) as answer:  # noqa: S310 - likewise
                return json.loads(answer.read(), parse_float=str, parse_int=str)
        except urllib.error.HTTPError as error:
            raise WriteFailed(f"the gateway answers {error.code}: {error.read().decode()}", where=path) from None


def rules_about(symbol: str, price: str) -> list[dict[str, Any]]:
    """Rules that the price of a lively symbol will meet."""
    often = {"symbol": symbol, "threshold": price, "repeat": "every", "cooldownMs": COOLDOWN_MS}
    return [
        {**often, "condition": "crosses_above", "note": "it is dearer than when this rule was made"},
        {**often, "condition": "crosses_below", "note": "it is cheaper than when this rule was made"},
        {"symbol": symbol, "condition": "rises_by", "threshold": "0.5", "note": "half a per cent up"},
        {"symbol": symbol, "condition": "falls_by", "threshold": "0.5", "note": "half a per cent down"},
    ]
