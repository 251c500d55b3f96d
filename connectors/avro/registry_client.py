"""HTTP requests to a Schema Registry, sent by Confluent's client: TLS, logins, tokens, several addresses.

connectors.avro.registry asks here and nobody else. It gives schemas and ids, None where a registry that holds schemas
says that it has no such one, and errors of ours that say whose fault a failure is. The client tries again by itself
what passes by itself, for less than a second between tries; waiting out an outage is up to the caller. A login never
stands in a text: it is taken out of the addresses before they are used.
"""

import logging
import re
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import httpx2
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import OAuthTokenError, SchemaRegistryError

from connectors.avro.registry_options import NoRegistry, RegistryOptions
from schemas.errors import MissingObject, SettingError, TapeflowError, Unreachable

__all__ = ["RegistryClient", "is_no_schema"]

T = TypeVar("T")

_PAUSE_MS: Final = 200
"""Before the second try, at most; twice that before the third."""
_TEXT_MAX: Final = 1000
_NO_SCHEMA: Final = re.compile(
    r"\b(schema|subject|version|artifact|content)\b.*\b(not found|not exist|doesn't exist)"
    r"|\bno (such )?(schema|subject|version|artifact|content)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What registries say that have no error code of Confluent's; "HTTP 404 Not Found" is what any web server says."""
_UNPARSED: Final = SchemaRegistryError.UNKNOWN
_CHECK: Final = "check schema_registry_properties"

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of each request


class RegistryClient:
    """The registry that ``options`` name. Each method raises TapeflowError, and Unreachable for what may pass."""

    def __init__(self, options: RegistryOptions) -> None:
        addresses = [_address(each.strip()) for each in options.url.split(",")]
        self.where = ",".join(_without_login(each) for each in addresses)
        tries_more = 0 if len(addresses) > 1 else options.tries_more  # the next address is the next try
        given: dict[str, Any] = {
            "timeout": options.timeout_s / len(addresses),
            "max.retries": tries_more,
            "retries.wait.ms": _PAUSE_MS,
            **_system_authorities(),
            **options.properties,
            **_login(options, addresses),
            "url": self.where,
        }
        try:
            given["timeout"] = float(given["timeout"])  # the client looks at it with the first request
            self._client = SchemaRegistryClient(given)
        except (ValueError, TypeError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingError(
                f"the Schema Registry's client refused its properties: {reason}", where=self.where, mend=_CHECK
            ) from error

    def schema(self, schema_id: int) -> Schema | None:
        """What an id stands for."""
        return self._whole(lambda client: client.get_schema(schema_id))

    def version(self, subject: str, version: int) -> Schema | None:
        """One version of a subject."""
        return self._whole(lambda client: client.get_version(subject, version).schema)

    def types(self) -> list[str] | None:
        """Kinds of schemas that the registry knows. Raises NoRegistry for one of before 2019 too."""
        return self._list(lambda client: client.get_schema_types())

    def subjects(self, limit: int = -1) -> list[str] | None:
        """Names of subjects, at most ``limit`` unless that is negative."""
        return self._list(lambda client: client.get_subjects(limit=limit))

    def register(self, subject: str, schema_text: str) -> int | None:
        """The id of an Avro schema under ``subject``, registered unless it is already."""
        return self._ask(lambda client: _whole_number(client.register_schema(subject, Schema(schema_text, "AVRO"))))

    def _whole(self, ask: Callable[[SchemaRegistryClient], Schema]) -> Schema | None:
        found = self._ask(ask)
        if found is not None and not isinstance(found.schema_str, str):
            raise self._strange()
        return found

    def _list(self, ask: Callable[[SchemaRegistryClient], Any]) -> list[str] | None:
        found = self._ask(ask)
        if found is not None and not isinstance(found, list):
            raise self._strange()
        return found

    def _ask(self, ask: Callable[[SchemaRegistryClient], T]) -> T | None:
        try:
            return ask(self._client)
        except SchemaRegistryError as error:
            if error.http_status_code == 404 and is_no_schema(error.error_code, error.error_message):
                return None
            raise self._refusal(error) from error
        except OAuthTokenError as error:
            raise self._no_token(error) from error
        except httpx2.RequestError as error:
            raise self._no_answer(error) from error
        except httpx2.InvalidURL as error:
            raise SettingError(f"not an http(s) address: {error}", where=self.where, mend=_CHECK) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:  # what it parses isn't of a registry
            raise self._strange() from error

    def _strange(self) -> NoRegistry:
        """Also forgets the answer, which the client may have kept under the id that was asked for."""
        self._client.clear_caches()  # type: ignore[no-untyped-call]
        return NoRegistry(self.where, "an answer that no registry gives")

    def _refusal(self, error: SchemaRegistryError) -> TapeflowError:
        status = error.http_status_code
        if status == 404:
            return NoRegistry(self.where, "HTTP 404")
        if status < 400:
            return NoRegistry(self.where, f"HTTP {status}, which sends us elsewhere")
        if status in (401, 403):
            return SettingError(
                f"the Schema Registry refuses us (HTTP {status})",
                where=self.where,
                mend="check schema_registry_user and schema_registry_password, or what schema_registry_properties has",
            )
        if status in (408, 429) or status >= 500:
            return Unreachable(f"the Schema Registry answers HTTP {status}", where=self.where)
        text = str(error.error_message)[:_TEXT_MAX]
        return MissingObject(f"the Schema Registry answers HTTP {status}: {text}", where=self.where)

    def _no_token(self, error: OAuthTokenError) -> TapeflowError:
        cause = error.__context__
        if isinstance(cause, httpx2.RequestError):
            return Unreachable(
                f"no token for the Schema Registry: {_reason(cause)}",
                where=self.where,
                mend="is bearer.auth.issuer.endpoint.url of schema_registry_properties right, and up?",
            )
        return SettingError(
            f"no token for the Schema Registry: {str(cause or error.message)[:_TEXT_MAX]}",
            where=self.where,
            mend="check the bearer.auth properties of schema_registry_properties",
        )

    def _no_answer(self, error: httpx2.RequestError) -> Unreachable:
        """Certificates count as an outage: a running flow waits until one that has expired is renewed."""
        mend = "is it up, and the address right?"
        tls = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
        if isinstance(tls, ssl.SSLCertVerificationError):
            mend = "give the authority of its certificate as ssl.ca.location in schema_registry_properties"
        elif tls is not None and "ALERT" in (tls.reason or ""):
            mend = "give ssl.certificate.location and ssl.key.location in schema_registry_properties"
        elif tls is not None:
            mend = "does it speak TLS? if not, use http://"
        return Unreachable(f"the Schema Registry doesn't answer: {_reason(tls or error)}", where=self.where, mend=mend)


def is_no_schema(code: object, message: object) -> bool:
    """Whether a 404 says that a schema, subject or version isn't there (Confluent's 40401 to 40499)."""
    if code == _UNPARSED:  # its body was no answer of a registry, and the message is the client's own
        return False
    return (isinstance(code, int) and code // 100 == 404) or bool(_NO_SCHEMA.search(str(message)))


def _whole_number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no id")
    return value


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass  # said below
    raise SettingError("not an http(s) address", where="schema_registry_url", mend="use http://host:8081")


def _without_login(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl().rstrip("/")


def _login(options: RegistryOptions, addresses: list[SplitResult]) -> dict[str, str]:
    """The one login that is given, in whichever place. Raises SettingError for several."""
    logins = {
        f"{unquote(each.username)}:{unquote(each.password or '')}" for each in addresses if each.username is not None
    }
    if options.user:
        logins.add(f"{options.user}:{options.password}")
    if "basic.auth.user.info" in options.properties:
        logins.add(str(options.properties["basic.auth.user.info"]))
    if len(logins) > 1:
        raise SettingError(
            "several logins for the Schema Registry",
            where="schema_registry_url, schema_registry_user, schema_registry_properties",
            mend="give it in one place",
        )
    return {"basic.auth.user.info": logins.pop()} if logins else {}


def _system_authorities() -> dict[str, str]:
    """This machine's own, as its administrator may have added one; the client would take those of a package."""
    paths = ssl.get_default_verify_paths()
    found = paths.cafile or paths.capath
    return {"ssl.ca.location": found} if found else {}


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
