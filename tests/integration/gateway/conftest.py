"""Fixtures of the gateway's integration tests: a REST process and a market of its own, one for each module."""

from tests.integration.gateway.rest_server import market, rest

__all__ = ["market", "rest"]
