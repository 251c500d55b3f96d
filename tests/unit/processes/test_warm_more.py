"""What is compiled ahead for flows that not everybody runs; and that, all told, no flow's kernel is forgotten."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.json.kernel import scan_records
from core.quotes.book_kernel import apply_quotes
from processes.warm import made_up_market
from processes.warm_more import run_more
from tests.unit.house import PACKAGES, ROOT

LEFT_OUT = {
    "connectors.arrow.kernel": "files of Parquet, when they are sent",
    "connectors.avro.encode_quotes": "quotes, when they are sent",
    "connectors.csv.kernel": "files of CSV, when they are sent",
    "core.bars.neighbours": "repairs by a replay",
    "core.bars.repair": "repairs by a replay",
    "local.clickhouse.window": "the embedded server, in its own process",
}
KERNEL = re.compile(r"^@(kernel|leaf_kernel|inlined_kernel)$", re.MULTILINE)


@pytest.mark.compiled
def test_a_second_run_compiles_nothing_new() -> None:
    run_more(made_up_market())
    run_more(made_up_market())
    assert len(scan_records.signatures) == len(apply_quotes.signatures) == 1  # type: ignore[attr-defined]


@pytest.mark.thorough
def test_an_image_has_every_kernel_of_its_flows(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "processes.warm", "all"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True,
        check=True, timeout=600,
    )  # fmt: skip
    assert re.fullmatch(r"compiling the kernels, once on a machine: .*\ncompiled in \d+ s\n", done.stdout)
    assert done.stderr == ""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    having = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if KERNEL.search(file.read_text("utf-8"))
    }
    compiled = {index.parent.name.rpartition("-")[0] for index in (tmp_path / "kernels").rglob("*.nbi")}
    assert having - compiled == LEFT_OUT.keys()
