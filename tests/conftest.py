"""Servers for every test that asks for one; each is declared in tests/servers.

Where pytest has several processes (``-n 2 --dist loadfile``), the tests of a file run in one of them, one after the
other, and each process has servers of its own. So a file may count on its order and on its module's fixtures.
Properties have no deadline: an example that meets a kernel which isn't compiled yet takes seconds.
"""

from hypothesis import settings

pytest_plugins = [f"tests.servers.{name}" for name in ("needs", "kafka", "redis", "clickhouse", "promtool")]

settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
