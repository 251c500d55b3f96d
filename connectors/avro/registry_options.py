"""Where a Schema Registry is, and the error for what answers there and is none.

Flows make the options from their settings; connectors.avro.registry and its client use them. They stand apart from the
client so that a flow without a registry doesn't load it. Neither a password nor a property is in the text of options.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import Unreachable

__all__ = ["NoRegistry", "RegistryOptions"]


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Where the registry is (``http://host:8081``, a path is fine) and whom to log in as, if anyone.

    url: several with commas are nodes of one registry; the next one is asked where one doesn't answer.
    timeout_s: of a request to all nodes, each has its share. tries_more: after the first, where there is one node.
    properties: of Confluent's client, such as ``ssl.ca.location``; they win over what is set here.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 3.0
    tries_more: int = 2
    properties: Mapping[str, str | int | float | bool] = field(default_factory=dict, repr=False)


class NoRegistry(Unreachable):
    """Something answers there, and it isn't a registry."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(
            f"no Schema Registry answers there, but {what}",
            where=url,
            mend="check the URL, with the path that leads to its API (as /apis/ccompat/v7), and what stands before it",
        )
