"""A request's query string as the struct of its endpoint.

endpoint.py hands in the bytes and gets pairs, then the struct. What doesn't fit is refused in words that name the
parameter; the token, which may stand there too, is taken out first.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from gateway.rest.errors import bad_request
from gateway.rest.words import NoQuery, Query

__all__ = ["convert_query", "query_pairs"]

NOTHING: Final = NoQuery()


def query_pairs(query_string: bytes) -> tuple[list[tuple[str, str]], str | None]:
    """The query's pairs without ``token``, and the token; raises ApiError on repeated or unreadable ones."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise bad_request("The query can't be read", query=query_string[:100].decode("latin-1")) from None
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise bad_request("A parameter is given twice", repeated=repeated)
    return [pair for pair in pairs if pair[0] != "token"], dict(pairs).get("token")


def convert_query(pairs: list[tuple[str, str]], kind: type[Query]) -> Any:
    if kind is NoQuery and not pairs:
        return NOTHING
    known = kind.__struct_encode_fields__
    unknown = sorted(name[:64] for name, _ in pairs if name not in known)
    if unknown:
        raise bad_request("Unknown parameters", unknown=unknown, known=list(known))
    try:
        return msgspec.convert(dict(pairs), kind, strict=False)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        raise bad_request(problem, parameter=place.rstrip("`")) from None
