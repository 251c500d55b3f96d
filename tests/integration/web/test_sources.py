"""The sources of ``web/``: their types fit, and their own tests pass."""

import pytest

from tests.integration.web.node import npm

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("words", [("run", "check"), ("test",)], ids=["types", "vitest"])
def test_they_hold(words: tuple[str, ...]) -> None:
    done = npm(*words)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8_000:]
