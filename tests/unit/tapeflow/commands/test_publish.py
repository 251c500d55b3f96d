"""``tapeflow publish``: what is no data is one line before any server is asked; the rest is an entry of Redis."""

import io
from types import SimpleNamespace

import pytest
from redis import Redis

from schemas.errors import InputError
from tapeflow.cli import main
from tapeflow.commands.publish import given


@pytest.mark.parametrize("data", ["", "  \n", "\udcff"])
def test_what_is_no_text_is_refused(data: str) -> None:
    with pytest.raises(InputError, match=r"no data|not UTF-8") as refused:
        given(data)
    assert refused.value.where == "the argument"


def test_data_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b' {"a":"\xc3\xa9"}\n')))
    assert given("-") == '{"a":"é"}'.encode()
    for stream in (None, SimpleNamespace(buffer=io.BytesIO(b"\xff"))):
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(InputError) as refused:
            given("-")
        assert refused.value.where == "standard input"


def test_an_entry_goes_into_the_stream_of_its_channel_and_its_id_is_printed(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = redis_url.rpartition("/")[0] + "/11"
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", url)
    with Redis.from_url(url) as client:
        client.flushdb()
        assert main(["publish", "lp-performance", '{"fill":0.10}', "--user", "ana", "--symbols", "A, B"]) == 0
        printed = capsys.readouterr().out.strip()
        ((entry_id, fields),) = client.xrange("md:channel:lp-performance")
        client.flushdb()
    assert entry_id.decode() == printed
    assert fields.pop(b"ts").isdigit()
    assert fields == {b"type": b"lp-metrics", b"data": b'{"fill":0.10}', b"user": b"ana", b"symbols": b"A,B"}


def test_wrong_names_and_absent_servers_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", "redis://127.0.0.1:1/0")
    for words in (["publish", "nope", "{}"], ["publish", "news", "[]"], ["publish", "news", "{}"]):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("tapeflow: ")
