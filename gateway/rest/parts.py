"""The living parts of the REST process: clients, breakers, caches, limits, the event feed; made from the settings.

app.py hands them to the endpoints and ties their life to the server's. Nothing connects when it is made. Each
dependency has one breaker per process, shared by all that read it. Every cache and breaker shows on ``/metrics``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette

from gateway.access.auth import OpenAuthorizer, TokenAuthorizer
from gateway.reports.parts import ReportParts
from gateway.rest.cache import Cache
from gateway.rest.errors import ApiError
from gateway.rest.health import Check
from gateway.rest.known_symbols import KnownSymbols
from gateway.rest.limits import Limiter
from gateway.rest.market import Tickers
from gateway.rest.metrics import RestMetrics
from gateway.rest.ohlc import Bars
from gateway.rest.prices import Price
from gateway.rest.request_limits import RequestPolicy
from gateway.rest.symbols import SymbolList
from gateway.rest.trades import Page
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.clickhouse import ClickHouse, HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.events import EventFeed
from gateway.stores.flow_metrics import FlowMetrics
from gateway.stores.history import History
from gateway.stores.kafka_rules import RuleTopic
from gateway.stores.now import Now, NowUnavailableError
from gateway.stores.price_alerts import PriceAlerts
from gateway.stores.redis_pool import REDIS_ERRORS, Redis, end_tasks, open_redis
from gateway.stores.ws_stats import SharedWsStats, WsStats
from runtime.settings.gateway import GatewaySettings
from runtime.settings.whole import Settings
from schemas.names import EVENTS_STREAM

__all__ = ["Caches", "Parts"]

OUTAGE: Final = (NowUnavailableError, HistoryUnavailableError, HistoryTooSlowError, BreakerOpenError)
STALE_S_MAX: Final = 3600.0  # how old an answer may be that stands in for a source that is down
RECENT_S: Final = 1.0
MARKET_S: Final = 2.0
MINUTE_S: Final = 60
PROBE_MS: Final = 1_000
RULES_MS: Final = 5_000
"""How long brokers may take to acknowledge a rule."""
FEED_WAIT_MS: Final = 10_000  # longer than the feed's blocking read
STATES: Final = ("closed", "half-open", "open")


@dataclass(slots=True)
class Caches:
    """All with the counts that the metrics show; sized by one setting."""

    prices: Cache[Price]
    bars: Cache[Bars]
    settled: Cache[Page]
    recent: Cache[Page]
    symbols: Cache[SymbolList]
    market: Cache[Tickers]

    @classmethod
    def of(cls, settings: GatewaySettings) -> "Caches":
        history_s, share = settings.gateway_history_cache_ms / 1000, settings.gateway_cache_bytes_max // 10
        held: dict[str, Any] = {"stale_s_max": STALE_S_MAX, "outage": OUTAGE, "personal": (ApiError,)}
        return cls(
            Cache(
                age_s_max=settings.gateway_price_cache_ms / 1000,
                bytes_max=share,
                size_of=lambda price: len(price.body) + 300,
                **held,
            ),
            Cache(age_s_max=history_s, bytes_max=4 * share, size_of=lambda bars: bars.size_bytes, **held),
            Cache(age_s_max=history_s, bytes_max=share, size_of=lambda page: len(page.body), **held),
            Cache(age_s_max=min(RECENT_S, history_s), bytes_max=share, size_of=lambda page: len(page.body), **held),
            Cache(age_s_max=history_s, bytes_max=share, size_of=lambda found: 200 * len(found.symbols), **held),
            Cache(age_s_max=MARKET_S, bytes_max=2 * share, size_of=lambda tickers: tickers.size_bytes, **held),
        )

    def watch(self, metrics: RestMetrics) -> None:
        for name in ("prices", "bars", "settled", "recent", "symbols", "market"):
            counts = getattr(self, name).counts
            for kind in ("hits", "misses", "stale", "hit_ratio"):
                metrics.watch(f"cache_{kind}", "Answers by the caches", partial(getattr, counts, kind), cache=name)


class Parts:
    """Everything with a life of its own in one process; ``live`` opens and closes it."""

    def __init__(
        self, settings: Settings, authorizer: OpenAuthorizer | TokenAuthorizer, ws_stats: WsStats | None
    ) -> None:
        timeout_ms = settings.gateway_redis_timeout_ms
        self.authorizer = authorizer
        self.metrics = RestMetrics()
        self.redis: Redis = open_redis(settings.redis_url, timeout_ms)
        self.follower: Redis = open_redis(settings.redis_url, FEED_WAIT_MS, connections_max=16)
        redis_breaker, history_breaker = CircuitBreaker("redis"), CircuitBreaker("clickhouse")
        rules_breaker = CircuitBreaker("kafka")
        self.clickhouse = ClickHouse(
            settings.clickhouse_dsn,
            settings.clickhouse_database,
            threads=settings.gateway_history_threads,
            timeout_ms=settings.gateway_history_timeout_ms,
            breaker=history_breaker,
        )
        # Whoever asks for the health takes no connection from users, and opens no breaker for them.
        self.redis_probe: Redis = open_redis(settings.redis_url, PROBE_MS, connections_max=1)
        self.clickhouse_probe = ClickHouse(
            settings.clickhouse_dsn,
            settings.clickhouse_database,
            threads=1,
            timeout_ms=PROBE_MS,
            breaker=CircuitBreaker("clickhouse"),
        )
        self.now = Now(self.redis, redis_breaker, timeout_ms)
        self.history = History(self.clickhouse)
        self.price_alerts = PriceAlerts(self.clickhouse)
        self.rule_topic = RuleTopic(
            settings.kafka_bootstrap, settings.alert_rules_topic, settings.kafka_properties, RULES_MS, rules_breaker
        )
        self.known = KnownSymbols(self.now, self.history)
        self.feed = EventFeed(
            self.follower,
            EVENTS_STREAM,
            count_events=self.metrics.sse_events.inc,
            count_gaps=self.metrics.sse_gaps.inc,
        )
        self.limiter = Limiter(
            self.redis,
            redis_breaker,
            requests=(
                RequestPolicy("requests", settings.gateway_requests_per_minute, MINUTE_S),
                RequestPolicy("address", settings.gateway_address_requests, settings.gateway_address_window_s),
            ),
            batches_per_second=settings.gateway_batches_per_second,
            history_concurrent=settings.gateway_history_concurrent,
            history_timeout_ms=settings.gateway_history_timeout_ms,
            timeout_ms=timeout_ms,
        )
        self.caches = Caches.of(settings)
        self.checks = {
            "redis": Check(self._redis_answers, needed=True, breaker=redis_breaker),
            "clickhouse": Check(History(self.clickhouse_probe).ping, needed=False, breaker=history_breaker),
            "events": Check(self._feed_is_read, needed=False),
            "tokens": Check(self._has_keys, needed=True),
        }
        self.reports = ReportParts(settings, self.redis, self.now)
        self.flow_metrics = FlowMetrics(settings.gateway_flows)
        self.ws_stats = ws_stats or SharedWsStats(self.redis, self.now)
        self.caches.watch(self.metrics)
        for breaker in (redis_breaker, history_breaker, rules_breaker):
            state = partial(_state_number, breaker)
            self.metrics.watch("breaker_state", "0 closed, 1 half open, 2 open", state, dependency=breaker.name)
        self.metrics.watch("history_queries", "ClickHouse queries under way", lambda: self.clickhouse.under_way)
        self.metrics.watch("reports_under_way", "Reports that are worked on", lambda: self.reports.runner.under_way)
        self.metrics.watch("history_cancelled", "ClickHouse queries given up", lambda: self.clickhouse.cancelled)

    async def _redis_answers(self) -> None:
        try:
            await self.redis_probe.ping()
        except REDIS_ERRORS as error:
            raise NowUnavailableError(str(error)) from error

    async def _feed_is_read(self) -> None:
        if not self.feed.healthy:
            raise NowUnavailableError("the stream of events is not being read")

    async def _has_keys(self) -> None:
        if isinstance(self.authorizer, TokenAuthorizer) and not self.authorizer.ready:
            raise NowUnavailableError("the JWKS has not been fetched")

    @contextlib.asynccontextmanager
    async def live(self, app: Starlette) -> AsyncIterator[None]:  # noqa: ARG002 - Starlette's signature
        tasks = [asyncio.create_task(self.feed.run())]
        self.reports.open()
        if isinstance(self.authorizer, TokenAuthorizer):
            tasks.append(asyncio.create_task(self.authorizer.keep_keys()))
        try:
            yield
        finally:
            await self.reports.close()
            await end_tasks(tasks)
            self.flow_metrics.close()
            self.clickhouse.close()
            self.clickhouse_probe.close()
            await self.redis_probe.aclose(close_connection_pool=True)
            await self.redis.aclose(close_connection_pool=True)
            await self.follower.aclose(close_connection_pool=True)


def _state_number(breaker: CircuitBreaker) -> float:
    return STATES.index(breaker.state)
