"""A market that runs through the real parts: trades into Kafka, both flows, Redis and ClickHouse, a gateway on top.

LiveMarket sends a trade of each symbol every quarter of a second, and its clock runs forty times as fast as ours, so a
one-minute bar ends every second and a half. ``send_late`` puts a trade into a bar that is final already. The gateway
asks for tokens and lets in the pages of the origins it is given.
"""

import json
import random
import threading
import time
import urllib.request
import uuid
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer

from jobs.produce.encoding import encoder_of
from local.ports import free_port
from oracle.truth import OracleTrade
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from tests.integration.flows.market_feeding import until_running
from tests.integration.gateway.gateway_command import running_gateway
from tests.property.trade_batches import to_batch
from tests.servers.kafka import make_topic
from tests.servers.redis import RedisServer

__all__ = ["SYMBOLS", "LiveMarket"]

SYMBOLS = ("BTC/USDT", "AAPL", "GOOGL", "MSFT", "RELIANCE", "TCS", "INFY")
SPEED = 40
TICK_S = 0.25
READ = "tapeflow_records_read_total"
BEGINS_BEFORE_US = 6 * 3_600_000_000
SECRET = "a-secret-of-client-code-a-secret-of-client-code"


class LiveMarket:
    """``origins``: pages that the gateway lets in. A context manager; the market runs from its start to its end."""

    def __init__(self, folder: Path, bootstrap: str, dsn: str, origins: tuple[str, ...]) -> None:
        self._folder = folder
        self._exits = ExitStack()
        self._redis = RedisServer(folder)
        self._origins = origins
        self._random = random.Random(1)
        self._prices = dict.fromkeys(SYMBOLS, Decimal(1000))
        self._sent = 0
        self._began_s = 0.0
        self._start_us = time.time_ns() // 1000 - BEGINS_BEFORE_US
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        self.settings = Settings(
            kafka_bootstrap=bootstrap,
            kafka_topic=f"live-{uuid.uuid4().hex[:10]}",
            clickhouse_dsn=dsn,
            clickhouse_database=f"live_{uuid.uuid4().hex[:10]}",
            redis_url=self._redis.url,
            recovery_dir=folder / "recovery",
            dead_letters_from="none",
            gateway_token_secret=SECRET,
            gateway_requests_per_minute=0,
            gateway_channel_roles={"alerts": ("trader",), "exposure-updates": ("trader",)},
        )
        self._encode = encoder_of(self.settings)

    @property
    def now_us(self) -> int:
        """The market's clock."""
        return self._start_us + int((time.monotonic() - self._began_s) * SPEED * 1_000_000)

    def send(self, *trades: tuple[str, int]) -> None:
        """A trade for each (symbol, event time in µs)."""
        made = [self._trade(symbol, time_us) for symbol, time_us in trades]
        for trade, value in zip(made, self._encode(to_batch(made)), strict=True):
            self._producer.produce(self.settings.kafka_topic, value, trade.symbol.encode())
        self._producer.poll(0)

    def send_late(self, symbol: str, behind_us: int) -> None:
        self.send((symbol, self.now_us - behind_us))

    def fitted(self, text: str) -> str:
        """``text`` with this gateway's addresses for those of GATEWAY, and a token for TOKEN."""
        places = {"ws://GATEWAY": self.gateway.websocket, "http://GATEWAY": self.gateway.rest, "TOKEN": self.token}
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    def get(self, path: str) -> Any:
        """A page of REST as JSON, decimals kept."""
        request = urllib.request.Request(self.gateway.rest + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read(), parse_float=Decimal)

    def _trade(self, symbol: str, time_us: int) -> OracleTrade:
        self._sent += 1
        self._prices[symbol] = max(
            Decimal(1), self._prices[symbol] + Decimal(self._random.randrange(-50, 51)).scaleb(-2)
        )
        price = self._prices[symbol]
        return OracleTrade(
            0, self._sent, time_us // 1000, time_us, symbol, price, Decimal(self._random.randrange(1, 999)).scaleb(-3),
            self._random.choice(("BUY", "SELL")), str(self._sent), "LIVE", price - 1, price + 1,
        )  # fmt: skip

    def _feed(self) -> None:
        while not self._ended.wait(TICK_S):
            self.send(*((symbol, self.now_us) for symbol in SYMBOLS))

    def _drop_database(self) -> None:
        client = connect(self.settings.clickhouse_dsn)
        client.execute(f"DROP DATABASE {self.settings.clickhouse_database} SYNC")
        client.disconnect()

    def _flow(self, name: str) -> None:
        log = self._folder / f"{name}.log"
        settings = self.settings.model_copy(update={"metrics_port": free_port()})
        flow = FlowProcess(name, settings, log=self._exits.enter_context(log.open("ab")))
        self._exits.callback(flow.kill)
        flow.start()
        until_running(flow, log, lambda: any(value for (key, _), value in flow.metrics().items() if key == READ))

    def __enter__(self) -> Self:
        self._exits.enter_context(self._redis)
        client = connect(self.settings.clickhouse_dsn)
        try:
            client.execute(f"CREATE DATABASE {self.settings.clickhouse_database} ENGINE = Atomic")
            self._exits.callback(self._drop_database)
            migrate(client, self.settings.clickhouse_database)
        finally:
            client.disconnect()
        make_topic(self.settings.kafka_bootstrap, self.settings.kafka_topic)
        self._began_s = time.monotonic()
        self._exits.callback(self._ended.set)
        self._feeder.start()
        for name in ("live", "history"):
            self._flow(name)
        changed = self.settings.model_dump(exclude_unset=True)
        del changed["redis_url"]
        gateway = self._exits.enter_context(
            running_gateway(self._folder, self._redis.url, **changed, gateway_origins=self._origins)
        )
        self.gateway = gateway
        self.token = gateway.token("trader-1", role="trader")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._feeder.join()
        self._producer.flush(10)
        del self._producer  # it would look for its broker for as long as it lives
        self._exits.close()
