"""What becomes of the server's errors: in the answer, in the log, in the breaker and in readiness."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_driver.errors import ServerException
from structlog.testing import capture_logs

from gateway.rest.health import Check
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse, HistoryDefectError, HistoryTooSlowError, HistoryUnavailableError

SET_UP = (164, 192, 193, 194, 195, 291, 452, 497, 516)
SECRET = "DB::Exception: bob: Not enough privileges"


class Answering:
    """A ClickHouse whose driver is ``run``, and its breaker."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.breaker = CircuitBreaker("clickhouse")
        self.clickhouse = ClickHouse("clickhouse://u@h", "d", threads=1, timeout_ms=1000, breaker=self.breaker)
        self.clickhouse._run = run  # type: ignore[method-assign]

    def select(self, times: int = 1) -> list[Exception]:
        async def ask() -> list[Exception]:
            found: list[Exception] = []
            for _ in range(times):
                with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what tests look at
                    await self.clickhouse.select("SELECT 1", {})
                found.append(caught.value)
            self.clickhouse.close()
            return found

        return asyncio.run(ask())


def refusing(code: int) -> Answering:
    def run(*_: object) -> None:
        raise ServerException(f"{SECRET}. Stack trace:\n\n0. main", code)

    return Answering(run)


@pytest.mark.parametrize("code", SET_UP)
def test_a_user_that_is_set_up_wrongly_is_an_outage_and_the_log_says_why(code: int) -> None:
    with capture_logs() as lines:
        (error,) = refusing(code).select()
    assert isinstance(error, HistoryUnavailableError)
    (line,) = lines
    assert (line["log_level"], line["code"], line["error"]) == ("error", code, f"{SECRET}. Stack trace:")
    assert "user" in line["mend"]
    assert "bob" not in str(error), "readiness is public"
    assert str(code) in str(error)


def test_no_login_opens_the_breaker_but_a_missing_grant_leaves_other_tables_served() -> None:
    login, grant = refusing(516), refusing(497)
    login.select(3)
    grant.select(3)
    assert (login.breaker.state, grant.breaker.state) == ("open", "closed")


@pytest.mark.parametrize(
    ("code", "kind"), [(62, HistoryDefectError), (47, HistoryDefectError), (60, HistoryUnavailableError)]
)
def test_other_errors_are_ours_or_an_outage(code: int, kind: type[Exception]) -> None:
    with capture_logs() as lines:
        (error,) = refusing(code).select()
    assert type(error) is kind
    assert isinstance(error.__cause__, ServerException)
    assert lines == []


def test_a_query_given_up_is_too_slow() -> None:
    assert isinstance(refusing(159).select()[0], HistoryTooSlowError)


@pytest.mark.parametrize("code", [*SET_UP, 62, 47, 60, 159, 999])
def test_readiness_is_down_with_a_reason_whatever_the_server_says(code: int) -> None:
    world = refusing(code)

    async def ping() -> None:
        await world.clickhouse.select("SELECT 1", {})

    found = asyncio.run(Check(ping, needed=False, breaker=world.breaker).run("clickhouse"))
    world.clickhouse.close()
    assert found.status == "down"
    assert 0 < len(found.error) <= 200


def test_an_answer_that_cannot_be_read_counts_as_a_failure_and_leaves_no_probe_behind() -> None:
    def run(*_: object) -> None:
        raise ValueError("unreadable block")

    answering = Answering(run)
    assert all(isinstance(error, ValueError) for error in answering.select(3))
    assert answering.breaker.state == "open"
