"""The embedded broker as a process: one line when it listens, a clean end, and its records again afterwards."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition


def records(bootstrap: str, topic: str) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[bytes] = []
    while True:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            consumer.close()
            return found
        found.append(message.value() or b"")


def test_it_says_where_it_listens_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.kafka", "--path", str(tmp_path), "--port", "0", "--partitions", "1"]
    for number, (sign, code) in enumerate([(signal.SIGKILL, -9), (signal.SIGINT, 0)]):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            assert said["server"] == "kafka"
            bootstrap = f"127.0.0.1:{said['port']}"
            producer = Producer({"bootstrap.servers": bootstrap})
            producer.produce("kept", b"%d" % number, partition=0)
            assert producer.flush(20) == 0
            assert records(bootstrap, "kept") == [b"%d" % n for n in range(number + 1)]
            process.send_signal(sign)
            assert process.wait(30) == code
