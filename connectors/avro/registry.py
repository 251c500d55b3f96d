"""A Schema Registry: which Avro schema an id stands for, and ids for schemas of ours.

The Avro decoder asks it once per id; ``produce`` and the topic of bars register through it. None means that a registry
which holds schemas says that it has no such one. Anything else (no answer, 5xx, 429, a 404 that isn't a registry's, a
registry that was restored empty) raises Unreachable, so that an outage is never taken for a bad record. A node that
lags behind its leader says for a moment that a new id isn't there: an unknown id is asked for again before it is
believed. The client below takes half a second to load, so it is loaded when a registry is used.
"""

import json
import time
from typing import TYPE_CHECKING, Final

from connectors.avro.registry_options import NoRegistry, RegistryOptions
from schemas.avro import WriterSchema
from schemas.errors import MissingObject, Unreachable

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema

__all__ = ["SchemaRegistry"]

_LAG_PAUSES_S: Final = (0.2, 0.6, 1.2)
"""After which an unknown id is asked for again; a follower is behind its leader by far less."""
_BELIEVED_S: Final = 10.0
"""For how long an id stays unknown, and how often at most lag is waited out: records of no id at all may be many."""
_UNKNOWN_MAX: Final = 10_000


class SchemaRegistry:
    """The registry of ``options``. Calling it with an id resolves it, as AvroDecoder asks; ids found are kept.

    Raises SettingError for addresses that are none and properties that the client doesn't take.
    """

    def __init__(self, options: RegistryOptions) -> None:
        from connectors.avro.registry_client import RegistryClient  # noqa: PLC0415 - see the head

        self._client = RegistryClient(options)
        self.where = self._client.where
        """Its addresses, for messages: never a login."""
        self._found: dict[int, WriterSchema] = {}
        self._unknown_until_s: dict[int, float] = {}
        self._patient_from_s = 0.0

    def __call__(self, schema_id: int) -> WriterSchema | None:
        """The writer schema with that id, None where there is none or it isn't Avro.

        Raises Unreachable when nothing that knows schemas answers.
        """
        if schema_id not in self._found:
            schema = self._by_id(schema_id)
            writer = self._writer(schema) if schema is not None else None
            if writer is None:
                return None
            self._found[schema_id] = writer
        return self._found[schema_id]

    def check(self) -> None:
        """Raises Unreachable (no registry there) or SettingError (login) unless the registry answers."""
        try:
            types = self._client.types()
        except NoRegistry:
            types = self._client.subjects(1)  # registries of before 2019 have no types
        if types is None:
            raise NoRegistry(self.where, "an answer that no registry gives")

    def subjects(self) -> int:
        """How many subjects it has; raises as check does."""
        return len(self._client.subjects() or ())

    def register(self, subject: str, schema_text: str) -> int:
        """The id of ``schema_text`` (Avro, JSON text) under ``subject``, registered unless it is already."""
        schema_id = self._client.register(subject, schema_text)
        if schema_id is None:
            raise MissingObject(f"can't register under subject {subject}", where=self.where)
        return schema_id

    def _by_id(self, schema_id: int) -> "Schema | None":
        """The schema of an id; None when it is believed that there is none."""
        now_s = time.monotonic()
        if now_s < self._unknown_until_s.get(schema_id, 0.0):
            return None
        schema = self._client.schema(schema_id)
        pauses_s = _LAG_PAUSES_S if now_s >= self._patient_from_s else ()
        for pause_s in pauses_s:
            if schema is not None:
                return schema
            time.sleep(pause_s)
            schema = self._client.schema(schema_id)
        if schema is None:
            if self._client.subjects(1) == []:
                raise Unreachable(
                    f"the Schema Registry has no schema at all, and a record was written with schema {schema_id}",
                    where=self.where,
                    mend="bring its schemas back; it may have been restored without them",
                )
            if len(self._unknown_until_s) >= _UNKNOWN_MAX:
                self._unknown_until_s.clear()
            self._unknown_until_s[schema_id] = self._patient_from_s = time.monotonic() + _BELIEVED_S
        return schema

    def _writer(self, schema: "Schema") -> WriterSchema | None:
        """The schema with all that it refers to, innermost first; None when it isn't Avro."""
        if schema.schema_type not in (None, "AVRO"):
            return None
        references: list[object] = []
        for each in schema.references or ():
            inner = self._client.version(str(each.subject), int(each.version or 0))
            writer = self._writer(inner) if inner is not None else None
            if writer is None:
                return None
            references += [*writer.references, writer.schema]
        try:
            return WriterSchema(json.loads(schema.schema_str or ""), tuple(references))
        except ValueError:
            return None
