"""Names of spans and of their attributes: OpenTelemetry's semantic conventions, pinned here and nowhere else.

Those of HTTP and databases are stable (semantic conventions 1.38). Those of messaging are still in development there,
so a later release of theirs changes this file alone. What OpenTelemetry has no word for begins with ``tapeflow.``.
"""

from typing import Final

__all__ = [
    "BATCH_SIZE",
    "CLIENTS",
    "CLIENT_ID",
    "DB_COLLECTION",
    "DB_OPERATION",
    "DB_SYSTEM",
    "DESTINATION",
    "ERROR_TYPE",
    "FIRST_OFFSET",
    "HTTP_METHOD",
    "HTTP_ROUTE",
    "HTTP_STATUS",
    "LAST_OFFSET",
    "MESSAGING_SYSTEM",
    "OPERATION_NAME",
    "OPERATION_TYPE",
    "PARTITION",
    "REQUEST",
    "SERVICE_INSTANCE",
    "SERVICE_NAME",
    "SERVICE_NAMESPACE",
    "SERVICE_VERSION",
    "UPDATES",
    "WRITES",
]

SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE: Final = "service.instance.id"
ERROR_TYPE: Final = "error.type"

MESSAGING_SYSTEM: Final = "messaging.system"
DESTINATION: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
BATCH_SIZE: Final = "messaging.batch.message_count"
OPERATION_TYPE: Final = "messaging.operation.type"
OPERATION_NAME: Final = "messaging.operation.name"
FIRST_OFFSET: Final = "messaging.kafka.offset"
LAST_OFFSET: Final = "tapeflow.last_offset"

DB_SYSTEM: Final = "db.system.name"
DB_OPERATION: Final = "db.operation.name"
DB_COLLECTION: Final = "db.collection.name"

HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
REQUEST: Final = "tapeflow.request_id"

CLIENTS: Final = "tapeflow.clients"
CLIENT_ID: Final = "tapeflow.client_id"
UPDATES: Final = "tapeflow.updates"
WRITES: Final = "tapeflow.writes"
