"""``tapeflow man``: every verb and option that --help shows, in words that man itself takes without a complaint."""

import shutil
import subprocess
from typing import Any

import pytest
import typer

from tapeflow.cli import app, main


def commands(group: Any, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inside = hasattr(command, "commands")
        found |= commands(command, f"{path} {name}") if inside else {f"{path} {name}": command}
    return found


def test_it_has_every_verb_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["man"]) == 0
    page = capsys.readouterr().out
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    sections = {part.split("\n", 1)[0]: part for part in page.replace(r"\-", "-").split("\n.SS ")[1:]}
    wanted = commands(typer.main.get_command(app), "tapeflow")
    assert len(sections) == len(wanted)
    for path, command in wanted.items():
        (section,) = [part for title, part in sections.items() if title == path or title.startswith(f"{path} ")]
        for option in command.params:
            if option.param_type_name == "option" and not getattr(option, "hidden", False):
                assert option.opts[0] in section, (path, option.opts)
