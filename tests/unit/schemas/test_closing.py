"""Closing that raises nothing."""

import structlog
from structlog.testing import capture_logs

from schemas.closing import quietly


def test_an_error_while_closing_is_a_debug_line_and_nothing_else() -> None:
    done = []
    with capture_logs(processors=[structlog.stdlib.add_log_level]) as lines:
        with quietly("the file"):
            done.append(1)
            raise OSError("no space left")
        with quietly("another"):
            done.append(2)
    assert done == [1, 2]
    assert [(line["log_level"], line["what"], line["error"]) for line in lines] == [
        ("debug", "the file", "no space left")
    ]
