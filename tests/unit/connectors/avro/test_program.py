"""Programs of writer schemas: wanted fields are read, all else is skipped, and what is no schema leaves no trace."""

from typing import Any

import pytest

from connectors.avro.program import Op, ProgramTable, SchemaError
from connectors.values.fields import field_paths, wanted_tree
from connectors.values.read import Values
from schemas.avro import WriterSchema
from tests.unit.connectors.batches import record_of


def table_of(**field_map: str) -> ProgramTable:
    return ProgramTable(wanted_tree(field_paths(field_map)), Values())


def ops_of(schema: Any, table: ProgramTable | None = None) -> list[str]:
    table = table or table_of()
    start = table.add(WriterSchema(schema))
    return [Op(code).name for code, *_ in table.ops[start:]]


def test_a_program_reads_what_is_wanted_and_skips_the_rest() -> None:
    assert ops_of(record_of(symbol="string", note="string", price="double", size="long")) == [
        "TEXT", "NUMBER_DOUBLE", "NUMBER_LONG", "TIME_LONG", "SKIP_TEXT", "END",
    ]  # fmt: skip


def test_a_type_that_cannot_hold_its_field_is_skipped_and_marked() -> None:
    ops = ops_of(record_of(price="boolean"))
    assert ops[ops.index("UNUSABLE") + 1] == "SKIP_BYTES"


def test_programs_share_one_table_and_each_has_its_start() -> None:
    table = table_of()
    first = table.add(WriterSchema(record_of()))
    second = table.add(WriterSchema(record_of(price="string")))
    assert (first, second) == (0, len(ops_of(record_of())))
    code = table.tables().code
    assert code[4 * first] == Op.TEXT
    assert len(code) == 4 * len(table.ops) + len(table.constants)


@pytest.mark.parametrize("schema", ["strange", {"type": "record"}, {"type": "enum", "symbols": 7}, 7, ["null", "?"]])
def test_what_is_no_schema_leaves_no_trace(schema: Any) -> None:
    table = table_of()
    table.add(WriterSchema(record_of()))
    kept = len(table.ops), len(table.constants), len(table.paths)
    with pytest.raises(SchemaError, match="not an Avro schema"):
        table.add(WriterSchema(schema))
    assert (len(table.ops), len(table.constants), len(table.paths)) == kept


def test_a_recursive_schema_is_a_routine_and_not_endless() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    ops = ops_of(record_of(chain=node))
    assert "CALL" in ops
    assert "RETURN" in ops
    assert len(ops) < 30


def test_a_field_of_the_map_that_the_schema_lacks_is_known() -> None:
    table = ProgramTable(wanted_tree(field_paths({"price": "px"})), Values(), frozenset({"px"}))
    assert "LACKING" in ops_of(record_of(), table)
