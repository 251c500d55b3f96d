"""The list of symbols: those that the token allows, in pages."""

from tests.integration.gateway.rest_server import Market, RestServer, eventually


def test_symbols_are_those_the_token_allows(rest: RestServer, market: Market) -> None:
    for name in ("Z/1", "Z/2", "Y/1"):
        market.add_symbol(name)
    token = rest.token(symbols=("Z/*",))
    # Others may have asked just before, and the list is kept for a moment.
    eventually(lambda: rest.get("/api/symbols", token=token).json())
    answer = rest.get("/api/symbols", token=token)
    assert [each["symbol"] for each in answer.json()] == ["Z/1", "Z/2"]
    assert answer.headers["x-total-count"] == "2"
    page = rest.get("/api/symbols?limit=1&offset=1", token=rest.token(symbols=("Z/*",)))
    assert [each["symbol"] for each in page.json()] == ["Z/2"]
