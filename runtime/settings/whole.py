"""Every tunable of tapeflow: read once at the edge, and passed down whole or in parts.

Values come from arguments, then TAPEFLOW_ environment variables, then a TOML file (TAPEFLOW_CONFIG, else
./tapeflow.toml), then the defaults. Each subject is a class in a file beside this one, and ``Settings`` is all of
them, so what needs one subject asks for its part and takes Settings as well. A wrong or unknown setting is one
SettingError line before anything is opened. Secrets are never printed. An empty variable counts as not set, as compose
files make them. docs/settings.md is generated from here (``describe_settings``) and a test keeps it so.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from runtime.settings.alerts import AlertSettings
from runtime.settings.analytics import AnalyticsSettings
from runtime.settings.clickhouse import ClickHouseSettings
from runtime.settings.feeds import FeedSettings
from runtime.settings.file import SettingsFile
from runtime.settings.gateway import GatewaySettings
from runtime.settings.kafka import KafkaSettings
from runtime.settings.polling import PollSettings
from runtime.settings.quotes import QuoteSettings
from runtime.settings.records import RecordSettings
from runtime.settings.redis import RedisSettings
from runtime.settings.reports import ReportSettings
from runtime.settings.running import RunningSettings
from runtime.settings.time import TimeSettings
from runtime.settings.tracing import TracingSettings
from runtime.settings.words import PREFIX, describe_fields, masked, not_readable, unknown, wrong_value
from schemas.errors import SettingError
from schemas.names import dead_letter_topic

__all__ = ["Settings", "describe_settings", "field_named", "load_settings", "source_of"]

CONFIG_VARIABLE: Final = PREFIX + "CONFIG"
CONFIG_FILE: Final = "tapeflow.toml"
PARTS: Final[tuple[type[BaseSettings], ...]] = (
    KafkaSettings,
    RecordSettings,
    TimeSettings,
    AnalyticsSettings,
    QuoteSettings,
    FeedSettings,
    PollSettings,
    ClickHouseSettings,
    RedisSettings,
    RunningSettings,
    TracingSettings,
    AlertSettings,
    GatewaySettings,
    ReportSettings,
)
"""In the order of docs/settings.md."""


class Settings(
    KafkaSettings,
    RecordSettings,
    TimeSettings,
    AnalyticsSettings,
    QuoteSettings,
    FeedSettings,
    PollSettings,
    ClickHouseSettings,
    RedisSettings,
    RunningSettings,
    TracingSettings,
    AlertSettings,
    GatewaySettings,
    ReportSettings,
):
    """All settings, immutable. Times are milliseconds; a field's description is what docs/settings.md shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    def changed(self) -> dict[str, object]:
        """What differs from the defaults, as it may be shown: secrets are masked."""
        shown = self.model_dump(mode="json")
        derived = {"dead_letter_topic": dead_letter_topic(self.kafka_topic)}
        return {
            name: masked(field, shown[name])
            for name, field in type(self).model_fields.items()
            if getattr(self, name) not in (field.default, derived.get(name, field.default))
        }

    def environment(self) -> dict[str, str]:
        """Variables that give a child process the same settings, whatever its own environment and file say."""
        texts = {name: _as_variable(value) for name, value in self.model_dump(mode="json").items()}
        # No file: it would fill in what is empty here.
        return {CONFIG_VARIABLE: os.devnull, **{PREFIX + name.upper(): text for name, text in texts.items() if text}}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        fields = type(self).model_fields
        return [(name, masked(fields[name], getattr(self, name))) for name in fields]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
        return init_settings, env_settings, SettingsFile(settings_cls, path)


def _as_variable(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def load_settings(**overrides: object) -> Settings:
    """Settings from ``overrides`` (None = not given), environment and file; raises SettingError with one line."""
    given = {name: value for name, value in overrides.items() if value is not None}
    path = os.environ.get(CONFIG_VARIABLE)
    if path and path != os.devnull and not Path(path).is_file():
        raise SettingError(
            f"{CONFIG_VARIABLE} names no file", where=path, mend="give the path of a TOML file or unset it"
        )
    known = _variables()
    for variable in sorted(os.environ):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise unknown(variable, known)
    try:
        return Settings(**given)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        raise wrong_value(Settings.model_fields, error, given, path or CONFIG_FILE) from None
    except (SettingsError, tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise not_readable(Settings.model_fields, error, path or CONFIG_FILE) from None


def field_named(text: str) -> str:
    """The field that a person means, as a variable, a key of the file or the other way round; raises SettingError."""
    variable = PREFIX + text.strip().upper().replace("-", "_").removeprefix(PREFIX)
    name = variable.removeprefix(PREFIX).lower()
    if name not in Settings.model_fields:
        raise unknown(variable, _variables())
    return name


def source_of(name: str) -> str:
    """Where the value of a field comes from when no argument gives it: a variable, the file, or the defaults."""
    variable = PREFIX + name.upper()
    if any(each.upper() == variable and value for each, value in os.environ.items()):
        return f"the variable {variable}"
    path = Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
    return f"the file {path}" if name in SettingsFile(Settings, path)() else "the default"


def _variables() -> set[str]:
    return {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}


def describe_settings() -> str:
    """The Markdown table of docs/settings.md: variable, default, allowed values, unit, description."""
    return describe_fields({name: field for part in PARTS for name, field in part.model_fields.items()})
