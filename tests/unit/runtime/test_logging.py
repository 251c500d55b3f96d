"""What a log line looks like, for people and for machines, and what it never holds."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from runtime.logging import configure_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_lines_carry_time_level_and_values() -> None:
    out = io.StringIO()
    configure_logging("auto", "info", out)
    structlog.get_logger().info("batch_read", records=5)
    line = json.loads(out.getvalue())
    assert (line["event"], line["level"], line["records"]) == ("batch_read", "info", 5)
    assert line["time"].endswith("Z")


def test_lines_for_people_are_not_json() -> None:
    out = io.StringIO()
    configure_logging("console", "info", out)
    structlog.get_logger().warning("server_down", lag_ms=7)
    assert "server_down" in out.getvalue()
    assert "lag_ms=7" in out.getvalue()


def test_levels_below_the_setting_are_left_out() -> None:
    out = io.StringIO()
    configure_logging("json", "warning", out)
    structlog.get_logger().info("quiet")
    logging.getLogger("other").info("quiet")
    assert out.getvalue() == ""


def test_standard_library_logs_come_out_in_the_same_form() -> None:
    out = io.StringIO()
    configure_logging("json", "info", out)
    logging.getLogger("other").warning("disk is %s", "full", extra={"free_bytes": 0})
    line = json.loads(out.getvalue())
    assert (line["event"], line["level"], line["free_bytes"]) == ("disk is full", "warning", 0)


def test_secrets_are_masked() -> None:
    out = io.StringIO()
    configure_logging("json", "info", out)
    structlog.get_logger().info("connecting", password="hunter2", url="redis://me:hunter2@host:1", sasl_token="hunter2")
    structlog.get_logger().info("connecting", url="redis://host:2?password=hunter2&db=1")
    assert "hunter2" not in out.getvalue()
    assert "redis://***@host:1" in out.getvalue()
    assert "redis://host:2?password=***&db=1" in out.getvalue()


def test_an_exception_is_one_json_line() -> None:
    out = io.StringIO()
    configure_logging("json", "info", out)
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert len(out.getvalue().splitlines()) == 1
    assert json.loads(out.getvalue())["exception"][0]["exc_value"] == "boom"
