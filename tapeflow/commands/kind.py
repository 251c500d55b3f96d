"""The option ``--kind`` of verbs that also work on a dealing desk's topics, and the settings that it leads to.

``verify``, ``replay`` and ``dead-letters`` take it. With a desk's kind, the topic of that kind stands where that of
trades does, and ``--topic`` names another one of that kind.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.desk import DESK_KINDS, DeskKind
from schemas.errors import SettingError
from tapeflow.commands.entry import enter

if TYPE_CHECKING:
    from runtime.settings.whole import Settings

__all__ = ["KIND_HELP", "TRADES", "desk_kind", "enter_kind", "refuse_options"]

TRADES = "trades"
KIND_HELP = f"Of records: {TRADES}, or a dealing desk's: {', '.join(DESK_KINDS)}."


def desk_kind(kind: str) -> DeskKind | None:
    """None for trades. Raises SettingError for a word that is no kind."""
    found: DeskKind | None = next((each for each in DESK_KINDS if each == kind), None)
    if found is None and kind != TRADES:
        raise SettingError(f"{kind!r} is no kind", where="--kind", mend=f"say {TRADES}, {', '.join(DESK_KINDS)}")
    return found


def enter_kind(kind: DeskKind | None, topic: str | None) -> "Settings":
    """The settings, with the topic of the kind where that of trades stands."""
    from flows.analytics_reading import SETTING_OF, desk_settings

    if kind is None:
        return enter(kafka_topic=topic)
    whole = enter(**{SETTING_OF[kind]: topic})
    return desk_settings(whole, getattr(whole, SETTING_OF[kind]))


def refuse_options(kind: str, given: Mapping[str, bool]) -> None:
    """Raise SettingError for the first option that was given and says nothing about this kind."""
    for name, is_given in given.items():
        if is_given:
            raise SettingError(f"--kind {kind} takes the whole topic", where=name, mend=f"leave {name} out")
