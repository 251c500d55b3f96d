"""The view of users' rules in Redis: how it is written by whoever has read or written a rule in its topic.

The gateway writes a rule's view after the topic took it, the alerts flow when it has read it. Both run this script,
which keeps the newest version whoever comes last. The topic is the truth; a Redis that lost the view gets it again from
the flow's next start.
"""

from importlib.resources import files
from typing import Final

import msgspec

__all__ = ["KEEP_RULES", "RuleView"]

KEEP_RULES: Final = files("schemas").joinpath("redis/keep_rules.lua").read_text("utf-8")


class RuleView(msgspec.Struct, frozen=True, gc=False):
    """One rule as the view has it. ``text``: its JSON, empty where it was taken back at ``version``."""

    user: str
    id: str
    version: int
    text: bytes
