"""Every failure that tapeflow raises on purpose, in one tree: a new one hangs below one of these.

    TapeflowError
      SettingError        the user's setting or argument is wrong           exit 2, do not retry
      InputError          a file or range that can't be read as asked       exit 2, do not retry
      MissingObject       topic, table or schema that isn't there           exit 2, do not retry
      Unreachable         a server doesn't answer                           retry with backoff
      OffsetExpired       retention took the records we must resume from    exit 2, the user decides
      StateIncompatible   recovery state of another version or flow         exit 2, the user decides
      StorageFailed       a folder or file of ours can't be written         exit 2: disk full, read-only, quota
      WriteFailed         a server refused our write                        exit 2: a right, a type or a limit of it
      PeerGone            another process of this flow ended                exit 3, its own line says why
      LeaseLost           another process runs this flow now                exit 4, start it again to stand by

An exception that its own package takes again, to make an answer or a Reject of it, is no failure: it stays beside what
raises it, and tests/unit/schemas/test_errors.py says who takes it.
Each carries two facts: whose ``fault`` it is and whether to ``retry``. ``str(error)`` is one line that says what,
where and how to mend it; the command prints that line and exits with ``exit_code``.
"""

from typing import ClassVar, Literal

__all__ = [
    "InputError",
    "LeaseLost",
    "MissingObject",
    "OffsetExpired",
    "PeerGone",
    "SettingError",
    "StateIncompatible",
    "StorageFailed",
    "TapeflowError",
    "Unreachable",
    "WriteFailed",
]


class TapeflowError(Exception):
    """``what`` happened, ``where`` (a setting, address, file, topic), and how to ``mend`` it."""

    fault: ClassVar[Literal["user", "outside", "ours"]] = "ours"
    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        super().__init__(what, where, mend)

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        mend = f": {self.mend}" if self.mend else ""
        return " ".join(f"{self.what}{where}{mend}".split())

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by pickle, which would call __init__ with args alone.
        return (_rebuild, (type(self), self.what, self.where, self.mend))


def _rebuild(kind: type[TapeflowError], what: str, where: str, mend: str) -> TapeflowError:
    error = kind.__new__(kind)  # a class below may ask for other words, from which it made these
    TapeflowError.__init__(error, what, where=where, mend=mend)
    return error


class SettingError(TapeflowError):
    fault = "user"
    exit_code = 2


class InputError(TapeflowError):
    fault = "user"
    exit_code = 2


class MissingObject(TapeflowError):
    fault = "user"
    exit_code = 2


class Unreachable(TapeflowError):
    fault = "outside"
    retry = True
    exit_code = 2


class OffsetExpired(TapeflowError):
    fault = "outside"
    exit_code = 2


class StateIncompatible(TapeflowError):
    fault = "user"
    exit_code = 2


class StorageFailed(TapeflowError):
    fault = "outside"
    exit_code = 2


class WriteFailed(TapeflowError):
    fault = "outside"
    exit_code = 2


class PeerGone(TapeflowError):
    fault = "outside"
    exit_code = 3


class LeaseLost(TapeflowError):
    fault = "outside"
    exit_code = 4
