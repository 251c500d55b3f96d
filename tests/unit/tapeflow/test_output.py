"""Standard output that remembers why it couldn't be written, and a reader that is gone."""

import io
import os
import subprocess
import sys

import pytest

from tapeflow.output import WatchedOutput, watched_output


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(32, "Broken pipe")


def test_what_is_written_and_raised_is_the_stream_s_own() -> None:
    stream = io.StringIO()
    output = WatchedOutput(stream)
    assert output.write("text") == 4
    output.flush()
    assert (stream.getvalue(), output.trouble, output.isatty()) == ("text", None, False)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        output.write("more")
    assert output.trouble is None


def test_the_first_trouble_is_remembered() -> None:
    output = WatchedOutput(Full())
    for call in (lambda: output.write("x"), output.flush):
        with pytest.raises(OSError):  # noqa: PT011 - either of two
            call()
    assert output.trouble is not None
    assert output.trouble.errno == 28


def test_within_the_block_it_stands_for_standard_output() -> None:
    before = sys.stdout
    with watched_output() as output:
        assert sys.stdout is output
    assert sys.stdout is before


READER = "from tapeflow.output import reader_is_gone; import sys; sys.stderr.write(str(reader_is_gone()))"


@pytest.mark.parametrize("gone", [True, False])
def test_a_reader_that_is_gone_is_known_without_a_write(gone: bool) -> None:
    reading, writing = os.pipe()
    if gone:
        os.close(reading)
    done = subprocess.run([sys.executable, "-c", READER], stdout=writing, stderr=subprocess.PIPE, check=True)
    os.close(writing)
    if not gone:
        os.close(reading)
    assert done.stderr == str(gone).encode()
