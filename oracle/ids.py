"""Trade ids as the oracle reads them: which are numbers, and what text stands for an id that came as a number.

oracle.truth and its readers of records ask here. An id is a number when it is whole ASCII digits, whatever blanks,
zeros before it or fraction of zeros it has; an id that came as a number with a fraction of zeros is that whole number.
"""

import re
from decimal import Decimal
from typing import Any, Final

__all__ = ["id_number", "id_of_number"]

NUMBER: Final = re.compile(r"[ \t]*([0-9]+)(?:\.0*)?[ \t]*")
LONG_END: Final = 2**63


def id_number(text: str) -> int | None:
    """The number that a trade id says, None where it says none. Of any length, as int() of text is not."""
    found = NUMBER.fullmatch(text)
    return int(Decimal(found[1])) if found else None


def id_of_number(value: Any) -> Any:
    """The text of an id that came as a JSON number with a fraction, or as a float; any other value as it is."""
    if isinstance(value, float) and value.is_integer() and abs(value) < LONG_END:
        return str(int(value))
    if isinstance(value, Decimal) and int(value.as_tuple().exponent) < 0:
        text = format(value, "f")
        return text if id_number(text) is not None else value
    return value
