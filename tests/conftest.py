"""Servers for every test that asks for one; each is declared in tests/servers.

Where pytest has several processes (``-n 2 --dist loadfile``), the tests of a file run in one of them, one after the
other, and each process has servers of its own. So a file may count on its order and on its module's fixtures.
"""

pytest_plugins = [f"tests.servers.{name}" for name in ("kafka", "redis", "clickhouse", "promtool")]
