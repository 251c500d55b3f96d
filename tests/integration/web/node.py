"""Node and the packages of ``web/`` for tests: installed once, as ``web/package-lock.json`` has them.

A machine without Node 20, npm or a registry skips such tests visibly; in CI they fail, as everything must be there. All
tests share ``web/node_modules``, so none brings packages of its own.
"""

import fcntl
import json
import os
import subprocess
from pathlib import Path

from tests.servers.needs import Missing, must_have

__all__ = ["ROOT", "WEB", "bundle", "npm", "web_modules"]

ROOT = Path(__file__).parents[3]
WEB = ROOT / "web"
STAMP = "web/node_modules/.ready"
INSTALL_S, RUN_S, BUNDLE_S = 300, 180, 60
BUNDLE = {
    "platform": "browser",
    "logLevel": "warn",
    "resolve": {"conditionNames": ["development", "browser", "import", "module", "default"]},
    "transform": {"define": {"process.env.NODE_ENV": '"development"'}},
    "output": {"format": "iife"},
}


def web_modules() -> Path:
    """``web/node_modules``, whole; raises Missing."""
    must_have("node", "npm", "make")
    with (WEB / "package-lock.json").open() as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            done = subprocess.run(
                ["make", "-s", STAMP], cwd=ROOT, capture_output=True, text=True, check=False, timeout=INSTALL_S
            )
        except subprocess.TimeoutExpired:
            raise Missing("needs a registry of npm to install web/ from", mend="npm ping") from None
    if done.returncode:
        raise Missing(f"needs web/node_modules: {done.stderr.strip().splitlines()[0]}", mend="make web")
    return WEB / "node_modules"


def npm(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """``npm`` in ``web/``, to its end."""
    web_modules()
    return subprocess.run(
        ["npm", *words],
        cwd=WEB,
        env={**os.environ, **variables, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def bundle(source: Path) -> str:
    """``source`` (TypeScript or JavaScript) with all that it imports, as one script for browsers, unminified.

    Packages are taken from ``web/node_modules``, in their development builds.
    """
    modules = source.parent / "node_modules"
    if not modules.exists():
        modules.symlink_to(web_modules())
    made, config = source.with_suffix(".bundle.js"), source.with_suffix(".config.mjs")
    config.write_text(f"export default {json.dumps({**BUNDLE, 'input': str(source)})};")
    command = [str(modules / ".bin" / "rolldown"), "--config", str(config), "--file", str(made)]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False, timeout=BUNDLE_S)
    assert done.returncode == 0, done.stderr
    return made.read_text()
