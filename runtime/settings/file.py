"""The TOML file of settings as one of pydantic's sources.

runtime.settings.whole puts it behind arguments and variables. A value in the file is taken as it stands or refused:
true and false are no numbers here, although Python, and so pydantic, takes them for 1 and 0.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from runtime.settings.words import PREFIX, allowed_values
from schemas.errors import SettingError

__all__ = ["SettingsFile"]


class SettingsFile(TomlConfigSettingsSource):
    """The file at ``path``, or nothing where there is none."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls, toml_file=path)
        self._path = path

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        for name, field in self.settings_cls.model_fields.items():
            value = found.get(name)
            numbers = value.values() if isinstance(value, Mapping) else [value]
            if field.annotation in (int, dict[str, int]) and any(isinstance(each, bool) for each in numbers):
                raise SettingError(
                    f"{PREFIX}{name.upper()} ({name} in {self._path}) is {value!r}",
                    mend=f"allowed is {allowed_values(field)}, not true or false",
                )
        return found
