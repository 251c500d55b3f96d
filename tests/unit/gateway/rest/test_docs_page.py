"""The page needs nothing but itself, and every operation has a line that can be pasted."""

import re

from gateway.rest.app import create_app
from gateway.rest.docs_page import POLICY, make_page
from runtime.settings.whole import Settings

DOCUMENT = {
    "info": {"title": "tape<flow>", "version": "1.0", "description": "Bars & more"},
    "paths": {
        "/api/prices/{symbol}": {
            "get": {
                "operationId": "getPrice",
                "summary": "Last price",
                "parameters": [
                    {"name": "symbol", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "required": False,
                     "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5}},
                    {"name": "order", "in": "query", "required": True, "schema": {"enum": ["asc", "desc"]}},
                ],
                "responses": {
                    "200": {"description": "Good", "content": {"application/json": {"example": {"price": 1}}}},
                    "404": {"description": "None"},
                },
            }
        },
        "/api/events": {
            "post": {
                "operationId": "post",
                "summary": "Say",
                "security": [],
                "parameters": [],
                "requestBody": {"content": {"application/json": {"example": {"a": 1}}}},
                "responses": {"200": {"description": "Good", "content": {"text/event-stream": {"example": "data: 1"}}}},
            }
        },
    },
}  # fmt: skip


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = make_page(DOCUMENT, create_app(Settings()).state.documents.asyncapi).decode()
    assert not re.search(r"<script|<img|src=|@import|url\(", page)
    assert "default-src 'none'" in POLICY
    assert "tape&lt;flow&gt;" in page
    assert "Bars &amp; more" in page


def test_each_operation_has_its_line_and_its_words() -> None:
    page = make_page(DOCUMENT, create_app(Settings()).state.documents.asyncapi).decode()
    assert "curl -s -H &quot;Authorization: Bearer $TOKEN&quot; &quot;$API/api/prices/BTC%2FUSDT?order=1&quot;" in page
    assert "curl -N -X POST -d &#x27;{&quot;a&quot;: 1}&#x27; &quot;$API/api/events&quot;" in page
    assert "integer 1..9 = 5" in page
    assert "asc | desc" in page
    assert "data: 1" in page
    assert "<td>404<td>None" in page
