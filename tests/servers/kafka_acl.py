"""A Kafka broker with logins and ACLs beside the open listener that the tests' own clients use.

On the open listener everybody is ANONYMOUS, who may do anything; ``secured`` is the address where users must speak TLS
and log in by SASL PLAIN, and may do only what ``allow`` grants them.
"""

import time

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from local.ports import free_port
from tests.servers.certificates import Authority
from tests.servers.kafka import KafkaBroker

__all__ = ["AclBroker", "allow"]


class AclBroker(KafkaBroker):
    """``users``: names, each with the password ``secret-of-NAME``."""

    def __init__(self, *users: str) -> None:
        super().__init__()
        self.secured = f"127.0.0.1:{free_port()}"
        logins = " ".join(f'user_{user}="secret-of-{user}"' for user in users)
        own = Authority(self.folder).issue("broker")
        self._authority = own.authority
        self._properties = {
            "listeners": f"PLAINTEXT://{self.bootstrap},SASL_SSL://{self.secured},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SASL_SSL://{self.secured}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(own.keystore),
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain"
            f".PlainLoginModule required {logins};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def login(self, user: str) -> dict[str, str]:
        """Client properties of ``user`` at the secured address."""
        return {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self._authority),
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": f"secret-of-{user}",
        }

    def allow(self, user: str, resource: str, name: str, *operations: str) -> None:
        """``resource``: TOPIC or GROUP. Returns when the broker knows."""
        allow(AdminClient({"bootstrap.servers": self.bootstrap}), user, resource, name, *operations)


def allow(admin: AdminClient, user: str, resource: str, name: str, *operations: str) -> None:
    """``resource``: TOPIC, GROUP or another of Kafka's. Returns when a broker knows."""
    bindings = [
        AclBinding(
            ResourceType[resource], name, ResourcePatternType.LITERAL, f"User:{user}", "*",
            AclOperation[operation], AclPermissionType.ALLOW,
        )
        for operation in operations
    ]  # fmt: skip
    for future in admin.create_acls(bindings).values():
        future.result(30)
    # The controller has answered; the broker judges by what it learns from it a moment later.
    asked = AclBindingFilter(
        ResourceType[resource], name, ResourcePatternType.LITERAL, None, None,
        AclOperation.ANY, AclPermissionType.ANY,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not set(bindings) <= set(admin.describe_acls(asked).result(30)):
        assert time.monotonic() < deadline, f"the broker doesn't know what {user} may do"
