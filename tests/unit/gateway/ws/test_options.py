"""Profiles of the contract, and a clock that agrees with the wall's."""

import time

import pytest

from gateway.ws.options import WsOptions, boot_clock_ms
from runtime.settings.whole import Settings


@pytest.mark.parametrize(
    ("profile", "figures"),
    [
        ("default", (50, 16, 256)),
        ("high-frequency", (100, 8, 512)),
        ("low-latency", (10, 5, 256)),
        ("low-memory", (50, 16, 64)),
    ],
)
def test_a_profile_sets_batch_flush_and_buffer(profile: str, figures: tuple[int, int, int]) -> None:
    settings = Settings(gateway_profile=profile)  # type: ignore[arg-type]
    limits = WsOptions.from_settings(settings, "127.0.0.1", 1_000).limits
    assert (limits.batch_max, limits.flush_ms, limits.buffer) == figures


def test_the_clock_agrees_with_the_wall() -> None:
    assert abs(boot_clock_ms() - time.time() * 1000) < 5_000
