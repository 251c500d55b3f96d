"""Migrations as text: in order, cut into statements, every statement harmless when run twice."""

import re

from sinks.clickhouse.migrations import migrations, statements


def test_names_are_numbered_without_holes() -> None:
    numbers = [int(name.partition("_")[0]) for name, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_statement_may_run_twice() -> None:
    for _, template in migrations():
        for statement in statements(template, "market"):
            is_made = "IF NOT EXISTS market." in statement or statement.startswith("CREATE OR REPLACE VIEW market.")
            is_set = statement.startswith("ALTER TABLE market.") and not re.search(r"\b(ADD|DROP|RENAME)\b", statement)
            assert is_made or is_set
            assert "{" not in statement


def test_comments_and_ends_make_no_statements() -> None:
    assert statements("-- one; two\nSELECT '{database}';\n\n;\n-- three\n", "db") == ["SELECT 'db'"]
