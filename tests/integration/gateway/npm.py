"""Packages of npm for tests that run other people's JavaScript: installed once into a folder, at fixed versions.

A machine without npm or without a registry skips such tests visibly; in CI they fail, as everything must be there.
"""

import shutil
import subprocess
from pathlib import Path

from tests.servers.needs import Missing

__all__ = ["bundle", "node_packages"]

INSTALL_S = 120


def node_packages(folder: Path, *packages: str) -> Path:
    """The ``node_modules`` of ``folder`` with ``packages`` (``name@version``); raises Missing."""
    if not shutil.which("npm"):
        raise Missing("needs npm", mend="apt install npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"needs a registry to install {' '.join(packages)} from", mend="npm ping") from None
    if done.returncode:
        raise Missing(f"needs a registry to install {' '.join(packages)} from", mend="npm ping")
    return folder / "node_modules"


def bundle(folder: Path, source: Path) -> str:
    """``source`` (TypeScript or JavaScript) with all that it imports, as one script for browsers."""
    esbuild = folder / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), str(source), "--bundle", "--format=iife", "--log-level=warning", "--target=chrome100",
               "--conditions=development", '--define:process.env.NODE_ENV="development"']  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
