"""The channels' part of the page: every channel, message, limit and close code of the document, escaped."""

import json
import re
from html import escape
from typing import Any

import pytest

from gateway.rest.app import create_app
from gateway.rest.docs_channels import channels_section
from runtime.settings.whole import Settings


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(create_app(Settings()).state.documents.asyncapi))
    return found


def test_each_channel_is_a_fold_with_its_messages(document: dict[str, Any]) -> None:
    section = channels_section(document)
    folds = set(re.findall(r"<details id=([\w-]+)>", section))
    assert folds == {f"channel-{name}" for name in document["channels"]} | {"connecting", "close-codes", "limits"}
    for channel in document["channels"].values():
        assert escape(channel["address"]) in section
    assert section.count("<pre class=line>") > len(document["channels"])


def test_each_code_and_limit_has_a_row(document: dict[str, Any]) -> None:
    section = channels_section(document)
    socket = next(each for each in document["channels"].values() if "bindings" in each)
    for code in socket["x-close-codes"]:
        assert f"<td>{code['code']}<td>" in section
    for name in socket["x-limits"]:
        assert f"<code>{escape(name)}</code>" in section


def test_words_are_text_and_not_html(document: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(document))
    name = next(iter(changed["channels"]))
    changed["channels"][name]["description"] = "<script>alert(1)</script> and `code`"
    section = channels_section(changed)
    assert "<script" not in section
    assert "&lt;script&gt;alert(1)&lt;/script&gt; and <code>code</code>" in section
