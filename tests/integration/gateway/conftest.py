"""Fixtures of the gateway's integration tests: a REST process and a market, shared by all who change no setting."""

from tests.integration.gateway.client_stage import stage
from tests.integration.gateway.rest_server import market, rest

__all__ = ["market", "rest", "stage"]
