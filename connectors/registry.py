"""A Schema Registry's REST API: which Avro schema an id stands for, and ids for schemas of ours.

The Avro decoder asks it once per id, ``produce`` registers through it. Law: None means that the registry knows no such
Avro schema; a registry that doesn't answer (or answers 5xx, 429) raises Unreachable after three tries, so that an
outage is never taken for a bad record. The surprise: it is the standard library's HTTP client, as the Kafka client's
own needs four more packages for one GET.
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from schemas.avro import WriterSchema
from schemas.errors import MissingObject, SettingError, Unreachable

__all__ = ["RegistryOptions", "SchemaRegistry"]

_ANSWER_BYTES_MAX: Final = 16 * 2**20
_PAUSES_S: Final = (0.1, 0.5)
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Where the registry is (``http://host:8081``, a path is fine) and whom to log in as, if anyone."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 3.0


class SchemaRegistry:
    """The registry at ``options.url``. Calling it with an id resolves it, as AvroDecoder asks; ids found are kept."""

    def __init__(self, options: RegistryOptions) -> None:
        parts = urllib.parse.urlsplit(options.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(
                f"not an http(s) address: {options.url!r}", where="schema_registry_url", mend="use http://host:8081"
            )
        self._options = options
        self._found: dict[int, WriterSchema] = {}

    def __call__(self, schema_id: int) -> WriterSchema | None:
        """The writer schema with that id, None where there is none or it isn't Avro."""
        if schema_id not in self._found:
            answer = self._ask(f"/schemas/ids/{schema_id}")
            writer = self._writer(answer) if answer is not None else None
            if writer is None:
                return None
            self._found[schema_id] = writer
        return self._found[schema_id]

    def check(self) -> None:
        """Raises Unreachable or SettingError (login) unless the registry answers."""
        self._ask("/schemas/types")

    def latest(self, subject: str) -> tuple[int, WriterSchema]:
        """(id, schema) of the subject's newest version. Raises MissingObject when there is none."""
        answer = self._ask(f"/subjects/{_quoted(subject)}/versions/latest")
        writer = self._writer(answer) if answer is not None else None
        if answer is None or writer is None:
            raise MissingObject(
                f"no Avro schema for subject {subject}", where=self._options.url, mend="register it, or check the name"
            )
        return int(answer["id"]), writer

    def register(self, subject: str, schema_text: str) -> int:
        """The id of ``schema_text`` (Avro, JSON text) under ``subject``, registered unless it is already."""
        answer = self._ask(f"/subjects/{_quoted(subject)}/versions", {"schema": schema_text})
        if answer is None:
            raise MissingObject(f"can't register under subject {subject}", where=self._options.url)
        return int(answer["id"])

    def _writer(self, answer: Any) -> WriterSchema | None:
        """The schema of an answer with all that it refers to, innermost first; None when it isn't Avro."""
        if answer.get("schemaType", "AVRO") != "AVRO":
            return None
        references: list[Any] = []
        for each in answer.get("references", ()):
            inner = self._ask(f"/subjects/{_quoted(each['subject'])}/versions/{int(each['version'])}")
            writer = self._writer(inner) if inner is not None else None
            if writer is None:
                return None
            references += [*writer.references, writer.schema]
        try:
            return WriterSchema(json.loads(answer["schema"]), tuple(references))
        except ValueError:
            return None

    def _ask(self, path: str, body: object = None) -> Any:
        """The parsed answer, None for 404. Raises Unreachable after three tries, every other error at once."""
        for pause_s in _PAUSES_S:
            try:
                return self._ask_once(path, body)
            except Unreachable:
                time.sleep(pause_s)
        return self._ask_once(path, body)

    def _ask_once(self, path: str, body: object) -> Any:
        options = self._options
        request = urllib.request.Request(  # noqa: S310 - http or https, checked at the start
            options.url.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
        )
        if options.user:
            login = base64.b64encode(f"{options.user}:{options.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=options.timeout_s) as response:  # noqa: S310 - as above
                return json.loads(response.read(_ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            return self._refusal(error)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise Unreachable(
                f"the Schema Registry doesn't answer: {reason}",
                where=options.url,
                mend="is it up, and the address right?",
            ) from error

    def _refusal(self, error: urllib.error.HTTPError) -> None:
        """None for 404; raises what every other status means."""
        with error:
            text = error.read(1000).decode(errors="replace")
        if error.code == 404:
            return
        if error.code in (401, 403):
            raise SettingError(
                f"the Schema Registry refuses us (HTTP {error.code})",
                where=self._options.url,
                mend="check schema_registry_user and schema_registry_password",
            )
        if error.code == 429 or error.code >= 500:
            raise Unreachable(f"the Schema Registry answers HTTP {error.code}", where=self._options.url)
        raise MissingObject(f"the Schema Registry answers HTTP {error.code}: {text}", where=self._options.url)


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject, safe="")
