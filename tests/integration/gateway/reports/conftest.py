"""Fixtures of the tests of reports: the gateway's market, and the parts of one process over it."""

from tests.integration.gateway.rest_server import market

__all__ = ["market"]
