"""A real Apicurio Registry, brought by Maven at the first use (140 MB); its schemas are in memory.

``url`` is its Confluent API, which is what we speak. With an issuer of logins it lets in who shows a token of that
one, or by basic authentication the id and secret of a client there.
"""

import fcntl
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Final

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.needs import Missing, must_have
from tests.servers.oidc import OidcIssuer
from tests.servers.process import FolderServer

__all__ = ["ApicurioServer"]

VERSION: Final = "2.6.13.Final"
CACHE: Final = Path(__file__).resolve().parents[2] / ".cache"
FETCH_S: Final = 600.0
START_S: Final = 90.0


@cache
def unpacked() -> Path:
    """The folder of its jars. Raises Missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = CACHE / f"apicurio-{VERSION}"
    must_have("java", *(() if wanted.exists() else ("mvn",)))
    with (CACHE / "apicurio.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                _fetch(Path(folder)).rename(wanted)
    return wanted


def _fetch(folder: Path) -> Path:
    artifact = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"]
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=FETCH_S, capture_output=True)
    except subprocess.SubprocessError as error:
        raise Missing(
            f"needs Apicurio's registry, which Maven couldn't fetch ({error})", mend="go online once"
        ) from error
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "app", filter="data")
    return folder / "app"


def logins(issuer: OidcIssuer) -> tuple[str, ...]:
    return (
        "-Dregistry.auth.enabled=true", f"-Dquarkus.oidc.auth-server-url={issuer.url}",
        f"-Dregistry.auth.token.endpoint={issuer.url}/token",
        "-Dregistry.auth.basic-auth-client-credentials.enabled=true",
    )  # fmt: skip


class ApicurioServer(FolderServer):
    """A context manager on a free port."""

    def __init__(self, folder: Path, issuer: OidcIssuer | None = None) -> None:
        app, self._port = unpacked(), free_port()
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"
        command = [
            "java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dquarkus.http.port={self._port}",
            "-Dquarkus.http.host=127.0.0.1", *(logins(issuer) if issuer else ()),
            "-jar", str(app / f"apicurio-registry-app-{VERSION}-runner.jar"),
        ]  # fmt: skip
        log = folder / "apicurio.log"
        marker = f"quarkus.http.port={self._port}"
        super().__init__(folder, ServerProcess("apicurio", command, self._answers, log, marker=marker))

    def start(self) -> "ApicurioServer":
        self.process.start(START_S)
        return self

    def stop(self) -> None:
        """It keeps nothing."""
        self.kill()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False
