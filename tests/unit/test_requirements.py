"""What is pinned: what the project asks for, with hashes, and whole on each Python that it runs on."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.house import ROOT, place

PYTHONS = ({"python_version": "3.11", "python_full_version": "3.11.0"},
           {"python_version": "3.12", "python_full_version": "3.12.12"})  # fmt: skip


def test_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for name, wanted in {"run": project["dependencies"], **extras}.items():
        lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
        assert set(wanted) <= set(lines), (
            f"requirements/{name}.in lacks {set(wanted) - set(lines)}: add it and run make pins"
        )
        pinned = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").lower().replace("_", "-")
        for requirement in wanted:
            bare = re.split(r"[\[<>=!~ ]", requirement)[0].lower().replace("_", "-")
            assert f"\n{bare}==" in pinned or f"\n{bare}[" in pinned, (
                f"requirements/{name}.txt lacks {bare}: run make pins"
            )


def test_pins_name_no_host_and_carry_hashes() -> None:
    for path in [*(ROOT / "requirements").glob("*.txt"), *(ROOT / "bench").glob("peers/*/requirements.txt")]:
        text = path.read_text("utf-8")
        assert "://" not in text, place(path)
        assert not re.search(r"^--(?!hash)", text, re.MULTILINE), place(path)
        assert len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE | re.IGNORECASE)) <= text.count("--hash="), place(
            path
        )


@pytest.mark.parametrize("python", PYTHONS, ids=lambda each: each["python_full_version"])
def test_what_a_pinned_package_needs_on_another_python_is_pinned_too(python: dict[str, str]) -> None:
    """pip-compile asks the Python that it runs on; a file of hashes that lacks one package installs nothing."""
    text = (ROOT / "requirements" / "gateway.txt").read_text("utf-8")
    pinned = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    lacking = []
    for name in sorted(pinned):
        try:
            wanted = [Requirement(each) for each in requires(name) or []]
        except PackageNotFoundError:
            continue
        applies = [each for each in wanted if each.marker is None or each.marker.evaluate({**python, "extra": ""})]
        lacking += [f"{name} needs {each}" for each in applies if canonicalize_name(each.name) not in pinned]
    assert pinned
    assert lacking == [], "add them to requirements/*.in, and run make pins"
