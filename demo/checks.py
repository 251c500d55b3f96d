"""One thing that must hold, as the demo's proofs say it.

demo.proof and demo.desk_proof make them, the command prints them. Only if all hold is the demo a success.
A check says what was looked at even where it holds.
"""

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    holds: bool
    detail: str
