"""What one look at a dependency found, as ``doctor`` prints it.

The checks in jobs.doctor.examination and jobs.doctor.rights make them; the verb shows them as a table or as JSON.
A finding that isn't ``ok`` says what to do.
"""

from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Finding", "State"]

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One dependency. ``what``: version or condition; ``todo`` is empty for ``ok``."""

    name: str
    state: State
    what: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
