"""Settings of a desk whose topics, tables and recovery folder are a test's own, on the servers that all share."""

from collections.abc import Callable

import pytest

from runtime.settings.whole import Settings
from schemas.desk import DESK_KINDS
from tests.integration.conftest import Stores
from tests.integration.flows.desk_feeding import desk_environment


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    return migrated(desk_environment(*stores, *DESK_KINDS))
