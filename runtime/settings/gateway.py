"""The settings of the gateway, as fields that runtime.settings.whole adds its own to.

A part of the one flat class: their names begin with gateway_, and everything said there of values and sources holds.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import Names, Targets, login_users, setting, url

__all__ = ["GATEWAY_PROFILES", "GatewaySettings"]

GATEWAY_PROFILES: Final = {
    "default": (50, 16, 256),
    "high-frequency": (100, 8, 512),
    "low-latency": (10, 5, 256),
    "low-memory": (50, 16, 64),
}
"""By gateway_profile: messages in a batch, milliseconds between flushes, messages that wait for one client."""


class GatewaySettings(BaseSettings):
    """Who may come in, and what WebSocket, REST and SSE clients may cost."""

    # gateway, who may come in
    gateway_host: str = setting("127.0.0.1", "Address to listen on; without a token secret only loopback is allowed")
    gateway_rest_port: int = setting(
        0,
        "A second port that serves the same as gateway_port, for clients that were told of one; 0 means none",
        ge=0,
        le=65_535,
    )
    gateway_rest_workers: int = setting(1, "Processes that serve REST and SSE; one per core at most", ge=1, le=64)
    gateway_origins: Names = setting((), "Allowed browser origins, with commas; * allows all; empty: its own host")
    gateway_tls_cert: str = setting("", "Certificate chain (PEM file); with gateway_tls_key turns TLS on")
    gateway_tls_key: str = setting("", "Private key (PEM file) of gateway_tls_cert")
    gateway_token_algorithm: Literal["HS256", "RS256", "EdDSA"] = setting(
        "HS256", "The one algorithm that tokens may be signed with; never taken from the token"
    )
    gateway_token_secret: str = setting(
        "", "HS256 secret of 32 bytes or more, shared by all gateways; empty means loopback only", secret=True
    )
    gateway_token_public_key: str = setting(
        "", "PEM, or the path of a PEM file, that RS256 or EdDSA tokens verify with"
    )
    gateway_token_private_key: str = setting(
        "", "PEM, or the path of a PEM file, that the token command signs with", secret=True
    )
    gateway_jwks_url: Annotated[str, AfterValidator(url("http", "https"))] = setting(
        "", "Address of a JWKS document with the public keys, by kid; empty means gateway_token_public_key"
    )
    gateway_login_users: Annotated[Names, AfterValidator(login_users)] = setting(
        (),
        "Users of the development login (POST /login) as name:password or name:password:role, with commas; it needs "
        "gateway_token_secret; empty: there is none, as in production tokens come from elsewhere",
        secret=True,
    )
    gateway_channel_roles: dict[str, tuple[str, ...]] = setting(
        {},
        'Roles that may join a channel, e.g. {"alerts": ["trader"]}; JSON; of those not named, alerts and '
        "exposure-updates are closed and the others open",
    )
    gateway_acknowledge_roles: Names = setting(
        (),
        "Roles that may acknowledge alerts, with commas, of those that may join the channel alerts; empty: nobody with "
        "a token may",
    )

    # gateway, WebSocket
    gateway_port: int = setting(
        8080, "Port of everything: WebSocket, REST, SSE, health, metrics; 0 takes a free one", ge=0, le=65_535
    )
    gateway_profile: Literal["default", "high-frequency", "low-latency", "low-memory"] = setting(
        "default",
        "Messages per batch, ms between flushes and messages that wait per client: 50/16/256, 100/8/512, 10/5/256"
        " or 50/16/64",
    )
    gateway_clients_max: int = setting(20_000, "Connections of one WebSocket process; more are closed 1013", ge=1)
    gateway_clients_per_ip: int = setting(1_000, "Connections from one address; more are closed 1013", ge=1)
    gateway_trust_forwarded: bool = setting(
        False, "Take the client's address from X-Forwarded-For; only behind proxies that add to it"
    )
    gateway_forwarded_hops: int = setting(
        1, "Proxies in front that add to X-Forwarded-For: the entry so far from its end is the client's", ge=1, le=16
    )
    gateway_out_per_s: int = setting(1_000, "Messages per second to one client; above, it is conflated", ge=1)
    gateway_in_per_s: int = setting(50, "Messages per second from one client, four times that at once", ge=1)
    gateway_symbols_max: int = setting(1_000, "Symbols that one connection may subscribe to", ge=1, le=100_000)
    gateway_resume_mb: int = setting(
        64,
        "Memory of a process for the newest deltas of all symbols: what `since` can resume over; beyond, a snapshot",
        unit="MB",
        ge=1,
        le=100_000,
    )
    gateway_slow_ms: int = setting(
        10_000, "A client whose buffer stays full for so long is closed 4009", unit="ms", ge=100
    )
    gateway_drain_ms: int = setting(5_000, "Time for clients to leave after SIGTERM", unit="ms", ge=0, le=600_000)
    gateway_process_port: int = setting(
        0,
        "Port that WebSocket process N has for itself, plus N: to probe and scrape each of several; 0 means none",
        ge=0,
        le=65_535,
    )

    # gateway, REST and SSE
    gateway_dashboard: bool = setting(True, "Serve the dashboard at /; without it / leads to /docs")
    gateway_requests_per_minute: int = setting(
        100,
        "REST requests per user, or per address while no token is asked for, counted in Redis over all gateways; "
        "0 means no limit",
        unit="requests",
        ge=0,
    )
    gateway_address_requests: int = setting(
        0,
        "REST requests per client address in gateway_address_window_s, whoever asks, counted in Redis over all "
        "gateways; 0 means no limit",
        unit="requests",
        ge=0,
    )
    gateway_address_window_s: int = setting(900, "Window of gateway_address_requests", unit="s", ge=1, le=86_400)
    gateway_history_concurrent: int = setting(
        10, "ClickHouse queries that one user (or address) may have under way at once", unit="queries", ge=1, le=10_000
    )
    gateway_batches_per_second: int = setting(
        1, "Requests for many symbols per user and second", unit="requests", ge=1, le=10_000
    )
    gateway_history_timeout_ms: int = setting(
        10_000, "A ClickHouse query is given up after this", unit="ms", ge=100, le=600_000
    )
    gateway_history_threads: int = setting(
        8, "ClickHouse queries under way at once in one process", unit="threads", ge=1, le=256
    )
    gateway_redis_timeout_ms: int = setting(1_000, "A Redis read is given up after this", unit="ms", ge=10, le=60_000)
    gateway_price_cache_ms: int = setting(5_000, "Age at which a price in the REST cache is read anew", unit="ms", ge=0)
    gateway_history_cache_ms: int = setting(
        60_000, "Age at which history in the REST cache is read anew; the live end is never cached", unit="ms", ge=0
    )
    gateway_cache_bytes_max: int = setting(
        64_000_000, "Memory of the REST caches of one process", unit="bytes", ge=1_000_000
    )
    gateway_flows: Targets = setting(
        (),
        "Metrics of flows and ingesters that /health/flows shows: live=http://127.0.0.1:9101/metrics, several with "
        "commas, or as a JSON object; a name for each process of its flow; none by default, as the gateway can't know "
        "them",
    )
    gateway_alert_rules_max: int = setting(
        1_000, "Rules about prices that one user may have", unit="rules", ge=1, le=1_000_000
    )
    gateway_sse_queue: int = setting(
        256, "Events that wait for one SSE client; a slower one is closed and resumes", unit="events", ge=1, le=100_000
    )
    gateway_sse_clients_max: int = setting(10_000, "SSE clients of one process", unit="clients", ge=1)
