"""Tunables of the WebSocket half, and the clock that its files share.

The command makes WsOptions of the settings once; everything below takes it as an argument. The clock is the wall clock
of the start moved on by the boot clock. So a corrected wall clock never stops a throttle or a budget, and a sleeping
machine doesn't keep tokens alive.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from core.fanout.client import HubLimits
from gateway.port.open_files import HANDSHAKES_MAX, OWN_FILES, handshakes_that_fit
from runtime.settings.gateway import GATEWAY_PROFILES
from runtime.settings.whole import Settings
from schemas.contract import INBOUND_BYTES_MAX, PING_MS, PONG_MS

__all__ = ["WsOptions", "boot_clock_ms"]


def boot_clock_ms() -> int:
    """Milliseconds since the epoch that never jump: the wall clock at import, moved on by the boot clock."""
    return (_WALL_NS + time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1_000_000


_WALL_NS: Final = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class WsOptions:
    """Sizes in bytes. ``write_buffer``: what may wait in user space for a client before it counts as slow.

    process_port: one more port to listen on, of this process alone; rest_port: one more that serves what ``port`` does;
    0 for none. sockets_max: what may be open of all kinds.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    origins: tuple[str, ...] = ()
    tls_cert: str = ""
    tls_key: str = ""
    limits: HubLimits = field(default_factory=HubLimits)
    clients_max: int = 20_000
    clients_per_ip: int = 1_000
    trust_forwarded: bool = False
    forwarded_hops: int = 1
    inbound_max: int = INBOUND_BYTES_MAX
    send_buffer: int = 32_768
    write_buffer: int = 65_536
    handshake_s: float = 10.0
    handshakes_max: int = HANDSHAKES_MAX
    handshakes_per_ip: int = 256  # or clients_per_ip where that is more: all of them may come at once
    sockets_max: int = 30_000
    ping_ms: int = PING_MS
    pong_ms: int = PONG_MS
    close_grace_s: float = 2.0
    drain_s: float = 5.0
    jitter_ms: int = 5_000
    reuse_port: bool = False
    process_port: int = 0
    rest_port: int = 0

    @classmethod
    def from_settings(cls, settings: Settings, host: str, open_files: int, *, share_port: bool = False) -> "WsOptions":
        """``open_files``: how many this process may have. ``share_port``: other processes listen on the port too."""
        sockets_max = open_files - OWN_FILES
        batch_max, flush_ms, buffer = GATEWAY_PROFILES[settings.gateway_profile]
        limits = HubLimits(
            batch_max=batch_max,
            flush_ms=flush_ms,
            buffer=buffer,
            out_per_s=settings.gateway_out_per_s,
            in_per_s=settings.gateway_in_per_s,
            symbols_max=settings.gateway_symbols_max,
            bars_max=min(1000, settings.candles_kept),
            slow_ms=settings.gateway_slow_ms,
            history_bytes=settings.gateway_resume_mb * 1_000_000,
        )
        return cls(
            host=host,
            port=settings.gateway_port,
            origins=tuple(settings.gateway_origins),
            tls_cert=settings.gateway_tls_cert,
            tls_key=settings.gateway_tls_key,
            limits=limits,
            clients_max=settings.gateway_clients_max,
            handshakes_max=handshakes_that_fit(open_files),
            sockets_max=sockets_max,
            clients_per_ip=settings.gateway_clients_per_ip,
            trust_forwarded=settings.gateway_trust_forwarded,
            forwarded_hops=settings.gateway_forwarded_hops,
            drain_s=settings.gateway_drain_ms / 1000,
            reuse_port=share_port,
            process_port=settings.gateway_process_port,
            rest_port=settings.gateway_rest_port,
        )
