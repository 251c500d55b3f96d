"""``tapeflow completion``: a shell that reads it is offered verbs and choices by the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tapeflow.cli import main

BASH = """
eval "$(tapeflow completion bash)"
COMP_WORDS=(tapeflow run h) COMP_CWORD=2
_tapeflow_completion tapeflow
echo "${COMPREPLY[@]}"
"""


def test_bash_is_offered_what_fits(tmp_path: Path) -> None:
    command = tmp_path / "tapeflow"
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom tapeflow.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    here = {"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", BASH],
        env={**os.environ, **here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("history\n", "")


@pytest.mark.parametrize(("shell", "words"), [("zsh", "#compdef tapeflow"), ("fish", "complete --command tapeflow")])
def test_other_shells_get_theirs(shell: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out.startswith(words)


def test_another_shell_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "csh"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
