"""What every verb does first: read the settings, set up logs, and find out where its messages for people go.

Settings are read once, here, with the verb's own options on top; a wrong one ends the command before it has opened
anything. Messages for people go to standard error, so that standard output can be piped.
"""

import json
from typing import Annotated, Final

import typer
from rich.console import Console

from runtime.logging import configure_logging
from runtime.settings.whole import Settings, load_settings
from schemas.errors import SettingError
from schemas.intervals import INTERVALS, parse_intervals

__all__ = ["ALL_INTERVALS", "YEAR_S", "JsonOption", "chosen_intervals", "enter", "parse_field_map", "people"]

YEAR_S: Final = 366 * 86_400
"""The most that an option in seconds takes: no clock or timer can be given infinity."""
ALL_INTERVALS: Final = ",".join(interval.name for interval in INTERVALS)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def enter(**overrides: object) -> Settings:
    """Settings with the options given on the command line (None = not given); logs follow them from here on."""
    settings = load_settings(**overrides)
    # A verb says itself what went wrong, in one line; what clients log about it meanwhile is for debugging.
    configure_logging(settings.log_format, "debug" if settings.log_level == "debug" else "error")
    return settings


def people() -> Console:
    """The console for progress, accounts and remarks: standard error."""
    return Console(stderr=True, highlight=False)


def chosen_intervals(text: str) -> tuple[int, ...]:
    """Indices of ``1m,5m``; raises SettingError with the contract's wording."""
    try:
        chosen = parse_intervals(text)
    except ValueError as error:
        raise SettingError(str(error), where="--intervals") from None
    if not chosen:
        raise SettingError("no interval given", where="--intervals", mend=f"choose from {ALL_INTERVALS}")
    return chosen


def parse_field_map(text: str | None) -> dict[str, str] | None:
    """``price=p,size=q`` or JSON as our field -> theirs; None stays None (the setting rules)."""
    if not text:
        return None
    try:
        if text.lstrip().startswith("{"):
            return {str(ours): str(theirs) for ours, theirs in json.loads(text).items()}
        pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
        return {ours.strip(): theirs.strip() for ours, theirs in pairs}
    except (ValueError, AttributeError):
        raise SettingError(
            f"can't read {text!r}", where="--field-map", mend='say price=p,size=q or {"price": "p"}'
        ) from None
