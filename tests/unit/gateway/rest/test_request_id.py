"""Names of requests are told apart, also between two processes."""

import re
import subprocess
import sys

from gateway.rest.request_id import new_request_id
from tests.unit.house import ROOT


def test_each_is_another_one_in_every_process() -> None:
    code = "from gateway.rest.request_id import new_request_id as n; print(n())"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [new_request_id() for _ in range(70_000)] + [other.strip()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[0-9a-f]{16,}", name) for name in names)
