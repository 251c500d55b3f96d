"""``/docs``: the OpenAPI and AsyncAPI documents as one page of HTML that needs nothing else, not even the internet.

Made once at the start from the documents; every operation has its parameters, a curl line that works when pasted, and
an example, every channel its messages (docs_channels.py). It has no script and loads nothing from elsewhere, and the
page's own policy header forbids both.
"""

import json
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

from gateway.rest.docs_channels import channels_section

__all__ = ["POLICY", "make_page"]

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--get:#2a7;--post:#27c;--put:#a70;--delete:#c33;
--ws:#85c;--sse:#b48}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.7rem;border-radius:6px;overflow:auto}pre.line{white-space:pre-wrap}
details{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;width:4.5rem;text-transform:uppercase;font-size:12px}
summary span{opacity:.7;margin-left:.6rem}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
.ws{color:var(--ws)}.sse{color:var(--sse)}
summary code{margin-right:.2rem}nav a{margin-right:1rem}h3{margin-bottom:0}
h4{margin:1.2rem 0 .3rem}h5{margin:.8rem 0 .2rem}
h4 small,h5 small{font-weight:normal;opacity:.8}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
"""
SAMPLES: Final = {"symbol": "BTC/USDT", "id": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e", "symbols": "BTC/USDT,ETH/USDT"}


def make_page(document: dict[str, Any], channels: dict[str, Any]) -> bytes:
    """The page, UTF-8; ``channels`` is the AsyncAPI document."""
    info = document["info"]
    operations = "".join(
        _operation(path, method, op) for path, methods in document["paths"].items() for method, op in methods.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style>"
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"<p>{escape(info['description'])}</p>"
        "<p>A token goes into <code>Authorization: Bearer …</code> (or <code>?token=…</code>); "
        "make one for development with <code>tapeflow token</code>. Below, <code>$API</code> is this server's address. "
        'The same as files: <a href="openapi.json">openapi.json</a>, <a href="asyncapi.json">asyncapi.json</a>.</p>'
        "<nav><a href=#rest>REST</a><a href=#websocket>WebSocket</a><a href=#events>Events</a></nav>"
        f"<h2 id=rest>REST</h2>{operations}{channels_section(channels)}"
    ).encode()


def _operation(path: str, method: str, op: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code>{' *' if each['required'] else ''}<td>{each['in']}"
        f"<td><code>{escape(_words(each['schema']))}</code><td>{escape(each.get('description', ''))}"
        for each in op["parameters"]
    )
    table = f"<table><tr><th>name<th>in<th>values<th>meaning{parameters}</table>" if parameters else ""
    answers = "".join(
        f"<tr><td>{status}<td>{escape(answer['description'])}" for status, answer in sorted(op["responses"].items())
    )
    return (
        f"<details id={op['operationId']}><summary><b class={method}>{method}</b><code>{escape(path)}</code>"
        f"<span>{escape(op['summary'])}</span></summary><p>{escape(op.get('description', ''))}</p>{table}"
        f"<pre>{escape(_curl(path, method, op))}</pre>{_example(op)}"
        f"<table><tr><th>status<th>meaning{answers}</table></details>"
    )


def _words(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    bounds = f" {schema.get('minimum', '')}..{schema.get('maximum', '')}" if "maximum" in schema else ""
    default = f" = {schema['default']}" if schema.get("default") not in (None, "") else ""
    return f"{schema.get('type', 'any')}{bounds}{default}"


def _curl(path: str, method: str, op: dict[str, Any]) -> str:
    query = {each["name"]: SAMPLES.get(each["name"], "1") for each in op["parameters"] if each["in"] == "query"}
    required = {each["name"] for each in op["parameters"] if each["required"]}
    for name, sample in SAMPLES.items():
        path = path.replace("{" + name + "}", quote(sample, safe=""))
    asked = urlencode({name: value for name, value in query.items() if name in required})
    url = f"$API{path}" + (f"?{asked}" if asked else "")
    parts = ["curl", "-N" if "text/event-stream" in str(op["responses"]) else "-s"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    if op.get("security") != []:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in op:
        parts.append(f"-d '{json.dumps(op['requestBody']['content']['application/json']['example'])}'")
    return " ".join([*parts, f'"{url}"'])


def _example(op: dict[str, Any]) -> str:
    for answer in op["responses"].values():
        for content in answer.get("content", {}).values():
            example = content.get("example")
            if example is not None:
                text = example if isinstance(example, str) else json.dumps(example, indent=1)
                return f"<pre>{escape(text)}</pre>"
    return ""
