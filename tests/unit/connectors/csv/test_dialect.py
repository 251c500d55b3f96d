"""How a CSV is written, told from lines of its own; nothing is guessed."""

import pytest

from connectors.csv.dialect import (
    Dialect,
    decimal_comma_in,
    declared_delimiter,
    delimiter_of,
    quote_of,
    sample_lines,
    split_line,
)


def test_lines_end_as_they_like_and_empty_ones_are_none() -> None:
    sample = b"a\r\n\n  \rb\rc\nhalf"
    assert [line.text for line in sample_lines(sample, False, 9)] == ["a", "b", "c"]
    assert [line.text for line in sample_lines(sample, True, 9)] == ["a", "b", "c", "half"]
    first, second = sample_lines(sample, True, 2)
    assert sample[first.end :].startswith(b"\n  \rb")
    assert sample[second.end :] == b"c\nhalf"


@pytest.mark.parametrize(("text", "said"), [("# a,b", "a,b"), ("  // a", "a"), ("a # b", ""), ("%", "")])
def test_what_a_comment_says(text: str, said: str) -> None:
    (line,) = sample_lines(text.encode(), True, 1)
    assert line.uncommented == said


@pytest.mark.parametrize(
    ("line", "count", "delimiter"),
    [
        ("a,b;c;d", 0, ";"),
        ("a,b;c;d", 2, ","),
        ('"a;b;c",d', 0, ","),
        ("a\tb", 0, "\t"),
        ("a|b", 0, "|"),
        ("a b c", 0, " "),
        ("a b c", 3, " "),
        ("abc", 0, ","),
    ],
)
def test_the_delimiter_cuts_a_line_into_its_cells(line: str, count: int, delimiter: str) -> None:
    assert delimiter_of(line, count) == delimiter


def test_a_spreadsheet_names_its_delimiter() -> None:
    assert declared_delimiter("SEP=;  ") == ";"
    assert declared_delimiter("sep=;;") == declared_delimiter("a;b") == ""


def test_single_quotes_count_where_no_double_ones_stand() -> None:
    assert quote_of(["a,'b'"], ",") == "'"
    assert quote_of(["a,'b'", '"c"'], ",") == '"'
    assert quote_of(["it's,'"], ",") == '"'
    assert split_line(" 'a,b' , c ", ",", "'") == ["a,b", "c"]
    assert split_line("  a b ", " ") == ["a", "b"]


@pytest.mark.parametrize(
    ("cells", "delimiter", "found"),
    [
        (["1,5", "2"], ";", True),
        (["1,5"], ",", False),
        (["1,500", "2,000"], ";", False),
        (["1,500", "2,00"], ";", True),
        (["1,5", "2.5"], ";", False),
        (["1", "2"], ";", False),
        (["a,b"], ";", False),
    ],
)
def test_a_comma_is_the_decimal_sign_where_it_can_be_no_other(cells: list[str], delimiter: str, found: bool) -> None:
    assert decimal_comma_in([["x", cell] for cell in cells], [1, 7], delimiter) is found


def test_what_differs_from_plain_csv_is_said() -> None:
    assert Dialect().describe() == ""
    assert Dialect("\t", "'", True).describe() == "delimiter tab, single quotes, decimal comma"
