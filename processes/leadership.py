"""Of two live flows only one runs: who has the lease in Redis leads, the other stands by with everything loaded.

processes.worker enters it before it opens the recovery folder. Who waits has met its servers, imported its code and
loaded its kernels: a takeover costs the rest of the lease and what an engine needs to resume. Who loses the lease ends
at once with exit code 4. An orderly end gives it back. While Redis doesn't answer nobody can take it, and who has it
goes on: its writes wait for the same Redis. The lease says who starts; that nothing older is written is held by
sequences in Redis, and that state has one writer by the lock of its folder (docs/adr/0049-a-lease-for-live.md).
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from runtime.settings.whole import Settings
from schemas.errors import LeaseLost, TapeflowError
from schemas.names import leader_key
from sinks.redis.lease import Lease

__all__ = ["leadership", "stands_by", "tell_lead"]

FLOW: Final = "live"
ASKS_A_LIFE: Final = 20
"""Of who waits: a takeover comes so much of a life late at most."""
RENEWALS_A_LIFE: Final = 3

LEADS: Final = Gauge("tapeflow_leader", "Whether this process leads (1) or stands by (0)", ["flow"])
TAKEOVERS: Final = Counter("tapeflow_takeovers", "Leases taken after standing by", ["flow"])

_log = structlog.get_logger()


def stands_by(settings: Settings, flow: str) -> bool:
    """Whether ``flow`` runs only while it leads."""
    return settings.standby and flow == FLOW


def tell_lead(settings: Settings, flow: str, process: int) -> None:
    """The flow runs from now on. Until then who has the lease may wait for the folder of who had it before."""
    if not process and stands_by(settings, flow):
        LEADS.labels(flow).set(1)


@contextmanager
def leadership(
    settings: Settings,
    flow: str,
    process: int,
    stop: threading.Event,
    end: Callable[[TapeflowError], object],
    warm: Callable[[], object],
) -> Iterator[bool]:
    """Entered once this process may run: at once where nothing stands by, else with the lease. False: stopped before.

    Of several processes the first asks for all, as the others wait for it anyway. ``warm`` is called where another
    leads. ``end`` gets LeaseLost, or what Redis refused, in a thread of its own, and must end the process.
    Raises SettingError or WriteFailed for what Redis refuses meanwhile.
    """
    if process or not stands_by(settings, flow):
        yield True
        return
    holder = f"{socket.gethostname()} pid {os.getpid()} {uuid.uuid4().hex[:8]}"
    lease = Lease(settings.redis_url, leader_key(flow), holder, settings.lease_ms)
    life_s = settings.lease_ms / 1000
    LEADS.labels(flow).set(0)
    TAKEOVERS.labels(flow)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(lease, holder, life_s, done, end), name="lease", daemon=True)
    try:
        leads = _await(lease, holder, flow, life_s, stop, warm)
        if leads:
            keeper.start()
        yield leads
    finally:
        done.set()
        if keeper.ident is not None:
            keeper.join()
        lease.give_back()
        LEADS.labels(flow).set(0)


def _await(
    lease: Lease, holder: str, flow: str, life_s: float, stop: threading.Event, warm: Callable[[], object]
) -> bool:
    """Whether it is ours; False when stopped before."""
    began_s, leader, silent = time.monotonic(), "", False
    while not stop.is_set():
        found = lease.ask()
        if found == holder:
            if leader:
                TAKEOVERS.labels(flow).inc()
            _log.info("lease_acquired", holder=holder, after=leader, waited_s=round(time.monotonic() - began_s, 3))
            return True
        if found is None and not silent:
            _log.warning("lease_unanswered", consequence="nobody can take over until Redis answers")
        silent = found is None
        if found and not leader:
            warm()
            _log.info("standby_prepared", leader=found, took_s=round(time.monotonic() - began_s, 1))
        leader = found or leader
        stop.wait(life_s / ASKS_A_LIFE)
    return False


def _keep(
    lease: Lease, holder: str, life_s: float, done: threading.Event, end: Callable[[TapeflowError], object]
) -> None:
    """Renew it until ``done``."""
    silent = False
    while not done.wait(life_s / RENEWALS_A_LIFE):
        try:
            found = lease.ask()
        except TapeflowError as error:
            end(error)
            return
        if found is None and not silent:
            _log.warning("lease_unanswered", consequence="nobody can take over until Redis answers")
        silent = found is None
        if found not in (None, holder):
            end(
                LeaseLost(
                    "another process runs this flow now, as this one didn't renew its lease in time",
                    where=str(found),
                    mend="start it again, to stand by; raise TAPEFLOW_LEASE_MS if it comes often",
                )
            )
            return
