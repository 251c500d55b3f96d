"""Chromium for tests: pages served at an origin of their own, and what they print to the console.

``Site`` is a web site on a free port; ``Browser`` opens one page and hands out its console, line by line. A page tells
a test what it saw by ``console.log("RESULT " + JSON.stringify(…))``.
"""

import functools
import http.server
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.ports import free_port
from tests.servers.needs import must_have

__all__ = ["CHROMIUM", "Browser", "Quiet", "Site"]

CHROMIUM = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--enable-logging=stderr", "--remote-debugging-port=0")  # fmt: skip
CONSOLE = re.compile(r":CONSOLE[:(]\d+\)?\] \"(.*)\", source: ")
RESULT = "RESULT "


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


class Site:
    """``folder`` as a web site; a context manager. ``name``: the host name in its origin."""

    def __init__(self, folder: Path, name: str = "127.0.0.1") -> None:
        self.folder = folder
        self.port = free_port()
        self.origin = f"http://{name}:{self.port}"
        handler = functools.partial(Quiet, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def page(self, script: str, name: str = "index") -> str:
        """The address of a page that runs ``script``."""
        (self.folder / f"{name}.js").write_text(script)
        head = f"<!doctype html><meta charset=utf-8><title>{name}</title>"
        markup = f'{head}<div id=root></div><script src="{name}.js"></script>'
        (self.folder / f"{name}.html").write_text(markup)
        return f"{self.origin}/{name}.html"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Browser:
    """One page in a Chromium of its own; a context manager. Raises Missing where there is no Chromium."""

    def __init__(self, profile: Path, url: str) -> None:
        must_have("chromium")
        self._command = [*CHROMIUM, f"--user-data-dir={profile}", url]
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.printed: list[str] = []

    def until(self, wanted: str, within_s: float = 60) -> str:
        """The first line of the console from here on that holds ``wanted``."""
        for line in self._until(time.monotonic() + within_s):
            if wanted in line:
                return line
        raise AssertionError(f"no {wanted!r} within {within_s} s: {self.printed[-30:]}")

    def result(self, within_s: float = 60) -> Any:
        """What the page says with its next RESULT."""
        return json.loads(self.until(RESULT, within_s).partition(RESULT)[2])

    def _until(self, deadline: float) -> Iterable[str]:
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                return
            if line is None:
                return
            self.printed.append(line)
            yield line

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = CONSOLE.search(line)
            self._lines.put(found[1] if found else line.rstrip())
        self._lines.put(None)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
