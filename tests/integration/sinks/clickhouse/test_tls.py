"""ClickHouse over TLS: who trusts its authority writes and reads, and who doesn't is told in one line."""

import gc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from clickhouse_driver import Client

from schemas.errors import Unreachable
from sinks.clickhouse.connection import connect
from tests.integration.sinks.clickhouse.table_writing import write_trades
from tests.servers.certificates import Authority
from tests.servers.tls_front import TlsFront
from tests.unit.sinks.rows import trades


@pytest.fixture
def secured(clickhouse_dsn: str, tmp_path: Path) -> Iterator[str]:
    authority = Authority(tmp_path / "tls")
    with TlsFront(urlsplit(clickhouse_dsn).port or 9000, authority.issue("clickhouse")) as front:
        yield f"clickhouses://default@127.0.0.1:{front.port}?ca_certs={authority.path}"


def test_a_sink_writes_over_tls(secured: str, client: Client, database: str) -> None:
    write_trades(secured, database, trades({}))
    assert client.execute(f"SELECT count() FROM {database}.trades") == [(1,)]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the driver forgets a socket whose greeting failed
@pytest.mark.parametrize("wrong", ["authority", "plain"])
def test_who_comes_wrongly_is_told_in_one_line(secured: str, tmp_path: Path, wrong: str) -> None:
    if wrong == "plain":
        dsn, says = secured.replace("clickhouses", "clickhouse").partition("?")[0], "closed the connection"
    else:
        dsn = secured.partition("?")[0] + f"?ca_certs={Authority(tmp_path / 'other').path}"
        says = "certificate verify failed"
    with pytest.raises(Unreachable, match=says) as refused:
        connect(dsn)
    assert "\n" not in str(refused.value)
    del refused
    gc.collect()
