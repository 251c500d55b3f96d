"""Pictures of the drill for docs/drill.md: pages of its servers in a browser, and one trace as Jaeger tells it.

Jaeger's own page isn't among its Go modules, so the trace is drawn here: a row for each span under its parent, against
the time of the whole trace. Pictures go where those of the tests go.
"""

from collections.abc import Sequence
from html import escape
from typing import Final

from tests.integration.web.chromium import Visit, chromium
from tests.servers.jaeger import Span

__all__ = ["page_of", "take"]

SIZE: Final = (1000, 560)
COLOURS: Final = ("#4c78a8", "#f58518", "#54a24b", "#b279a2")
STYLE: Final = (
    "body{font:14px sans-serif;margin:16px;color:#222}h1{font-size:16px;font-weight:normal}"
    "table{border-collapse:collapse;width:100%}td{padding:3px 8px 3px 0;white-space:nowrap}"
    "td.way{width:55%;background:#f4f4f4;padding:0}div{height:14px;min-width:2px}"
)
LEAVE_OUT: Final = """(text) => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replaceAll(text, "");
}"""


def take(name: str, place: str, path: str = "/", *, page: str = "", without: str = "") -> None:
    """A picture of ``path`` at ``place``, or of ``page`` (HTML); ``without`` that text, such as a folder's name."""
    with chromium() as browser, Visit(browser, place, size=SIZE) as visit:
        if page:
            visit.page.set_content(page)
        else:
            visit.open(path)
        if without:
            visit.page.evaluate(LEAVE_OUT, without)
        visit.picture(name)


def page_of(spans: Sequence[Span]) -> str:
    """One trace as HTML: depth first, the children of a span by their beginnings."""
    began_us, ended_us = min(each.start_us for each in spans), max(each.end_us for each in spans)
    whole_us = max(ended_us - began_us, 1)
    services = list(dict.fromkeys(each.service for each in sorted(spans, key=lambda each: each.start_us)))
    rows = []
    for depth, span in _in_order(spans):
        left = 100 * (span.start_us - began_us) / whole_us
        width = 100 * (span.end_us - span.start_us) / whole_us
        colour = COLOURS[services.index(span.service) % len(COLOURS)]
        bar = f"margin-left:{left:.2f}%;width:{width:.2f}%;background:{colour}"
        rows.append(
            f'<tr><td style="padding-left:{16 * depth}px">{escape(span.name)}</td><td>{escape(span.service)}</td>'
            f"<td>{(span.start_us - began_us) / 1000:.1f} to {(span.end_us - began_us) / 1000:.1f} ms</td>"
            f'<td class="way"><div style="{bar}"></div></td></tr>'
        )
    head = f"trace {spans[0].trace}, {whole_us / 1000:.1f} ms"
    return f"<!doctype html><style>{STYLE}</style><h1>{head}</h1><table>{''.join(rows)}</table>"


def _in_order(spans: Sequence[Span], parent: str = "", depth: int = 0) -> list[tuple[int, Span]]:
    known = {each.span for each in spans}
    own = [each for each in spans if each.parent == parent or (not parent and each.parent not in known)]
    found = []
    for span in sorted(own, key=lambda each: each.start_us):
        found += [(depth, span), *_in_order(spans, span.span, depth + 1)]
    return found
