"""The folders of the project and what each may import, read from the table in the README: that table is the law."""

import re
from pathlib import Path
from typing import Final

__all__ = ["LAW", "PACKAGES", "ROOT"]

ROOT: Final = Path(__file__).parents[2]


def read_law() -> dict[str, set[str]]:
    """Package -> packages and modules that it may import, besides itself."""
    law: dict[str, set[str]] = {}
    section = (ROOT / "README.md").read_text("utf-8").partition("## Where things are")[2]
    for folder, imports in re.findall(r"^\| `(\w+)/` \|[^|\n]*\| ([^|\n]+) \|$", section, re.MULTILINE):
        if imports.startswith("the rows above"):
            law[folder] = set(law) - set(re.findall(r"`([\w.]+)`", imports))
        else:
            law[folder] = set(re.findall(r"`([\w.]+)`", imports))
    return law


LAW: Final = read_law()
PACKAGES: Final = tuple(sorted(LAW))
