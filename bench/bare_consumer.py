"""A bare consumer in C over the same librdkafka: the least that a client on it can take, for bench.pipeline.

It has no copy, no decoding, no offsets and no errors to look at: batches of messages out of one queue, their bytes
counted. It is compiled when it is asked for, as no other part of the project needs a compiler of C.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import confluent_kafka

from connectors.kafka.questions import TopicQuestions
from flows.reading import read_options
from runtime.settings.whole import Settings

__all__ = ["compiler", "run_bare_consumer"]

SOURCE: Final = Path(__file__).with_suffix(".c")


def compiler() -> str:
    """Path of the C compiler; empty where there is none."""
    return shutil.which("cc") or ""


def library() -> Path:
    """The librdkafka that the Python client loads."""
    package = Path(confluent_kafka.__file__).parent
    return next((package.parent / f"{package.name}.libs").glob("librdkafka*.so*"))


def run_bare_consumer(settings: Settings, options: dict[str, Any]) -> dict[str, float]:
    """Reads the whole topic with the source's own fetch settings. Raises CalledProcessError."""
    read, wanted = read_options(settings), int(options["records"])
    with TopicQuestions(read) as questions:
        partitions = questions.check_start().partitions
    properties = {**read.consumer_properties(), "enable.partition.eof": False}
    given = [f"{name}={_text(value)}" for name, value in properties.items() if not callable(value)]
    with tempfile.TemporaryDirectory(prefix="bare-consumer-") as folder:
        program = Path(folder) / "bare_consumer"
        subprocess.run([compiler(), "-O2", "-o", str(program), str(SOURCE), "-ldl"], check=True)
        command = [program, library(), settings.kafka_topic, partitions, wanted, read.batch_records_max, *given]
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True, timeout=600)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
