"""The folders of the project and what each may import, read from the table in the README: that table is the law."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["LAW", "MIRRORS", "PACKAGES", "ROOT", "mirrors_of", "modules", "place"]

ROOT: Final = Path(__file__).parents[2]
MIRRORS: Final = ("tests/unit", "tests/integration")
"""Where the mirror of a module stands: beside the others, or with the real servers that the module is about."""


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


def modules(packages: Iterable[str] = PACKAGES) -> list[Path]:
    """The files of ``packages`` that hold code."""
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py")


def place(path: Path, line: int = 0) -> str:
    """``path`` as messages name it."""
    return path.relative_to(ROOT).as_posix() + (f":{line}" if line else "")


def mirrors_of(module: Path) -> list[Path]:
    """The test files that are the mirror of ``package/noun.py``: ``package/test_noun.py`` under each of MIRRORS."""
    inside = module.relative_to(ROOT)
    return [ROOT / kind / inside.with_name(f"test_{inside.name}") for kind in MIRRORS]
