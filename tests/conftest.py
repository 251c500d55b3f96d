"""Servers for every test that asks for one; each is declared in tests/servers."""

pytest_plugins = ["tests.servers.kafka", "tests.servers.redis", "tests.servers.clickhouse"]
