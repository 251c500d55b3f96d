import pytest

from local.clickhouse.statements import (
    Insert,
    as_subquery,
    parse_insert,
    used_database,
    without_comments,
    without_format,
)


@pytest.mark.parametrize(
    ("sql", "insert"),
    [
        ("INSERT INTO t VALUES", Insert("t", None, "", "")),
        (
            "insert into market.`my table` (`a`,  b) format Native",
            Insert("market.`my table`", ["a", "b"], "(`a`,  b)", ""),
        ),
        ("INSERT INTO TABLE t (a) VALUES;", Insert("t", ["a"], "(a)", "")),
        (
            "INSERT INTO t (a) SETTINGS async_insert=1, insert_deduplication_token='x y' VALUES",
            Insert("t", ["a"], "(a)", "SETTINGS async_insert=1, insert_deduplication_token='x y'"),
        ),
    ],
)
def test_insert_with_data_packets_is_recognised(sql: str, insert: Insert) -> None:
    assert parse_insert(sql) == insert


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t SELECT 1", "INSERT INTO t VALUES (1)", "SELECT 'INSERT INTO t VALUES'", "INSERT INTO t"]
)
def test_everything_else_goes_to_the_engine(sql: str) -> None:
    assert parse_insert(sql) is None


def test_comments_in_front_are_dropped() -> None:
    assert without_comments(" -- one\n/* two\n */ SELECT 1 -- three") == "SELECT 1 -- three"


def test_format_of_a_select_is_dropped() -> None:
    assert without_format("SELECT 1 FORMAT JSON ;") == "SELECT 1"
    assert without_format("SELECT format FROM t") == "SELECT format FROM t"


def test_used_database_is_unquoted() -> None:
    assert used_database("USE `my db`;") == "my db"
    assert used_database("SELECT 1") is None


def test_subquery_outlives_a_trailing_comment() -> None:
    assert as_subquery("SELECT 1 -- why;") == "(SELECT 1 -- why\n)"
