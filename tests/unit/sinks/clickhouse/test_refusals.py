"""What each refusal of ClickHouse becomes: whose fault, which table, which right."""

import pytest
from clickhouse_driver import errors

from schemas.errors import MissingObject, SettingError, TapeflowError, WriteFailed
from sinks.clickhouse.refusals import refusal


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (60, MissingObject, "no such thing (ch:9000 market.bars): run `tapeflow migrate`"),
        (81, MissingObject, "no such thing (ch:9000 market.bars): run `tapeflow migrate`"),
        (516, SettingError, "ClickHouse refused the login (ch:9000 market.bars): set TAPEFLOW_CLICKHOUSE_DSN"),
        (497, SettingError, "ClickHouse refuses user few INSERT on market.bars: the right is missing"),
        (497, SettingError, "GRANT INSERT ON market.bars TO few (no such thing)"),
        (164, SettingError, "ClickHouse refuses user few INSERT on market.bars: the right is missing"),
        (201, WriteFailed, "a quota of user few refuses INSERT on market.bars (ch:9000 market.bars): no such thing"),
        (53, WriteFailed, "ClickHouse refused INSERT on market.bars (ch:9000 market.bars): no such thing"),
    ],
)
def test_each_refusal_is_a_line_and_exit_code_2(code: int, kind: type[TapeflowError], says: str) -> None:
    error = errors.ServerException("no such thing", code)
    found = refusal(
        error, "no such thing. Stack trace:", right="INSERT", on="market.bars", user="few", where="ch:9000 market.bars"
    )
    assert isinstance(found, kind)
    assert found.exit_code == 2
    assert says.replace("no such thing", "no such thing.") in str(found)
