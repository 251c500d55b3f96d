"""A Schema Registry's REST API: which Avro schema an id stands for, and ids for schemas of ours.

The Avro decoder asks it once per id, ``produce`` registers through it. None means that a registry which holds schemas
says that it has no such one. Anything else (no answer, 5xx, 429, a 404 that isn't a registry's, a registry that was
restored empty) raises Unreachable, so that an outage is never taken for a bad record. A node that lags behind its
leader says for a moment that a new id isn't there: an unknown id is asked for again before it is believed. It uses the
standard library's HTTP client, as the Kafka client's own needs four more packages for one GET.
"""

import base64
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from schemas.avro import WriterSchema
from schemas.errors import MissingObject, SettingError, Unreachable

__all__ = ["NoRegistry", "RegistryOptions", "SchemaRegistry", "is_no_schema"]

_ANSWER_BYTES_MAX: Final = 16 * 2**20
_PAUSES_S: Final = (0.1, 0.5)
_LAG_PAUSES_S: Final = (0.2, 0.6, 1.2)
"""After which an unknown id is asked for again; a follower is behind its leader by far less."""
_BELIEVED_S: Final = 10.0
"""For how long an id stays unknown, and how often at most lag is waited out: records of no id at all may be many."""
_UNKNOWN_MAX: Final = 10_000
_NO_SCHEMA: Final = re.compile(
    r"\b(schema|subject|version|artifact|content)\b.*\b(not found|not exist|doesn't exist)"
    r"|\bno (such )?(schema|subject|version|artifact|content)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What registries say that have no error code of Confluent's; "HTTP 404 Not Found" is what any web server says."""
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Where the registry is (``http://host:8081``, a path is fine) and whom to log in as, if anyone."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 3.0


class NoRegistry(Unreachable):
    """Something answers there, and it isn't a registry."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(
            f"no Schema Registry answers there, but {what}",
            where=url,
            mend="check the URL, with the path that leads to its API (as /apis/ccompat/v7), and what stands before it",
        )


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
        self._unknown_until_s: dict[int, float] = {}
        self._patient_from_s = 0.0

    def __call__(self, schema_id: int) -> WriterSchema | None:
        """The writer schema with that id, None where there is none or it isn't Avro.

        Raises Unreachable when nothing that knows schemas answers.
        """
        if schema_id not in self._found:
            answer = self._by_id(schema_id)
            writer = self._writer(answer) if answer is not None else None
            if writer is None:
                return None
            self._found[schema_id] = writer
        return self._found[schema_id]

    def check(self) -> None:
        """Raises Unreachable (no registry there) or SettingError (login) unless the registry answers."""
        try:
            types = self._ask("/schemas/types")
        except NoRegistry:
            types = self._ask("/subjects")  # registries of before 2019 have no types
        if not isinstance(types, list):
            raise NoRegistry(self._options.url, "an answer that no registry gives")

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

    def _by_id(self, schema_id: int) -> Any:
        """The answer for an id; None when it is believed that there is no such schema."""
        path, now_s = f"/schemas/ids/{schema_id}", time.monotonic()
        if now_s < self._unknown_until_s.get(schema_id, 0.0):
            return None
        answer = self._ask(path)
        pauses_s = _LAG_PAUSES_S if now_s >= self._patient_from_s else ()
        for pause_s in pauses_s:
            if answer is not None:
                return answer
            time.sleep(pause_s)
            answer = self._ask(path)
        if answer is None:
            if self._ask("/subjects?limit=1") == []:
                raise Unreachable(
                    f"the Schema Registry has no schema at all, and a record was written with schema {schema_id}",
                    where=self._options.url,
                    mend="bring its schemas back; it may have been restored without them",
                )
            if len(self._unknown_until_s) >= _UNKNOWN_MAX:
                self._unknown_until_s.clear()
            self._unknown_until_s[schema_id] = self._patient_from_s = time.monotonic() + _BELIEVED_S
        return answer

    def _writer(self, answer: Any) -> WriterSchema | None:
        """The schema of an answer with all that it refers to, innermost first; None when it isn't Avro."""
        if not isinstance(answer, dict) or not isinstance(answer.get("schema"), str):
            raise NoRegistry(self._options.url, "an answer that no registry gives")
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
        """The parsed answer, None where the registry says that there is no such thing.

        Raises Unreachable after three tries, every other error at once.
        """
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
        """None for the 404 of a registry that has no such thing; raises what every other answer means."""
        with error:
            text = error.read(1000).decode(errors="replace")
        if error.code == 404:
            if is_no_schema(text):
                return
            raise NoRegistry(self._options.url, "HTTP 404")
        if error.code in (401, 403):
            raise SettingError(
                f"the Schema Registry refuses us (HTTP {error.code})",
                where=self._options.url,
                mend="check schema_registry_user and schema_registry_password",
            )
        if error.code == 429 or error.code >= 500:
            raise Unreachable(f"the Schema Registry answers HTTP {error.code}", where=self._options.url)
        raise MissingObject(f"the Schema Registry answers HTTP {error.code}: {text}", where=self._options.url)


def is_no_schema(body: str) -> bool:
    """Whether the body of a 404 says that a schema, subject or version isn't there (Confluent's 40401 to 40499)."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    if not isinstance(answer, dict):
        return False
    code = answer.get("error_code")
    return (isinstance(code, int) and code // 100 == 404) or bool(_NO_SCHEMA.search(str(answer.get("message", ""))))


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject, safe="")
