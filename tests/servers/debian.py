"""Programs out of Debian's packages, for tests: downloaded and unpacked into ``.cache`` of the checkout.

Nothing is installed, and no package brings what it depends on: name those that a plain machine lacks.
"""

import fcntl
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.servers.needs import Missing

__all__ = ["unpacked"]

CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"
DOWNLOAD_S: Final = 120


def unpacked(name: str, *packages: str) -> Path:
    """The root that ``packages`` were unpacked below, once; raises Missing, which says how to install ``name``."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            try:
                _download(root, packages)
            except (OSError, subprocess.SubprocessError) as error:
                raise Missing(
                    f"needs {name}, or a Debian whose apt-get can download it ({error})", mend=f"apt install {name}"
                ) from error
    return root


def _download(root: Path, packages: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        fetch = ["apt-get", "download", "-qq", *packages]
        subprocess.run(fetch, cwd=folder, check=True, timeout=DOWNLOAD_S, capture_output=True)
        whole = Path(folder) / "root"
        for package in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(whole)], check=True, timeout=DOWNLOAD_S)
        whole.rename(root)
