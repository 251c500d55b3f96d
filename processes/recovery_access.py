"""Makes the folders of recovery state, for this user alone, and refuses those that somebody else can write to.

The worker, replay and doctor ask. Recovery state is pickled by the engine, and opening a pickle can run code: who can
write state runs code as the flow. A new folder is 0700. One that is there must belong to this user or to root, and not
everybody may write to it. Its group may: Kubernetes (fsGroup) gives volumes to root and a group of the pod's own
(docs/adr/0025-who-may-write-state.md).
"""

import os
import shlex
import stat
from pathlib import Path

from schemas.errors import SettingError, StateIncompatible

__all__ = ["check_private", "open_private"]

OURS_ALONE = 0o700


def open_private(base: Path, folder: Path) -> None:
    """Make ``base`` and, in it, ``folder``, as far as they aren't there; check both.

    Raises SettingError when somebody else can write there, StateIncompatible when they can't be made.
    """
    try:
        for each in (base, *reversed([folder, *folder.parents][: len(folder.relative_to(base).parts)])):
            each.mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
            check_private(each, is_base=each == base)
    except OSError as error:
        raise StateIncompatible(
            f"no recovery state can be kept: {error}", where=str(folder), mend="set TAPEFLOW_RECOVERY_DIR"
        ) from error


def check_private(folder: Path, *, is_base: bool = False) -> None:
    """Raises SettingError when others can put state into ``folder``, which must be there.

    ``is_base``: it holds folders of state, and no state itself. There a sticky bit is enough, as in /tmp: nobody can
    replace a folder of ours, and one that somebody else made is theirs.
    """
    facts, name = folder.stat(), shlex.quote(str(folder))
    if facts.st_uid not in {os.getuid(), 0}:
        raise SettingError(
            f"the recovery folder is another user's ({facts.st_uid}), who could run code by what lies there",
            where=str(folder),
            mend=f"chown -R {os.getuid()} {name}, or set TAPEFLOW_RECOVERY_DIR",
        )
    if facts.st_mode & stat.S_IWOTH and not (is_base and facts.st_mode & stat.S_ISVTX):
        raise SettingError(
            "everybody can write to the recovery folder, and could run code by what lies there",
            where=str(folder),
            mend=f"chmod o-w {name}",
        )
