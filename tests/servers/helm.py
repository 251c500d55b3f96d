"""A real helm, to render the chart as an installation does.

Out of the wheel that ``make setup`` installs, or from PATH. Where neither is there, a test fails in CI and is skipped
elsewhere.
"""

import shutil
import sys
from pathlib import Path

import pytest

from tests.servers.needs import Missing

__all__ = ["helm"]


@pytest.fixture(scope="session")
def helm() -> str:
    """Path of the program."""
    beside_python = Path(sys.executable).with_name("helm")
    found = str(beside_python) if beside_python.exists() else shutil.which("helm")
    if found is None:
        raise Missing("needs helm", mend="https://helm.sh/docs/intro/install/")
    return found
