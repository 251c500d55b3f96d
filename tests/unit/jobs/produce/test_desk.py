"""A made-up desk: the same seed gives the same records, and both formats read back to the same row."""

import pytest

from connectors.desk.decoder import DeskDecoder
from jobs.produce.desk import DeskMarket, desk_encoder, desk_schema_id
from runtime.settings.whole import load_settings
from schemas.desk import DESK_KINDS, DeskKind
from tests.unit.connectors.batches import TIMESTAMP_MS, raw_batch


@pytest.mark.parametrize("kind", DESK_KINDS)
def test_what_is_written_is_read_back_the_same_in_both_formats(kind: DeskKind) -> None:
    records = DeskMarket(kind, 5, 1).take(50, TIMESTAMP_MS * 1000, 50)
    assert records == DeskMarket(kind, 5, 1).take(50, TIMESTAMP_MS * 1000, 50)
    assert records != DeskMarket(kind, 5, 2).take(50, TIMESTAMP_MS * 1000, 50)
    decoder = DeskDecoder(kind, future_us=1000, value_bytes_max=10_000)
    json, avro = (
        decoder.decode(raw_batch([desk_encoder(kind, name)(record) for record in records]))
        for name in ("json", "confluent")
    )
    assert (json.rejects, avro.rejects) == ([], [])
    assert (json.rows == avro.rows).all()
    assert json.words == avro.words
    assert json.rows["event_time_us"].tolist() == [TIMESTAMP_MS * 1000 + index for index in range(50)]
    name = "lp" if kind == "lp" else "symbol"
    assert [record.key for record in records] == [json.words[number] for number in json.rows[name]]


def test_a_registrys_id_stands_in_the_frame() -> None:
    (record,) = DeskMarket("routing", 1, 1).take(1, 0, 1)
    assert desk_encoder("routing", "confluent", 777)(record)[:5] == b"\0" + (777).to_bytes(4, "big")


def test_without_a_registry_the_shipped_id_stands_in_the_frame() -> None:
    assert [desk_schema_id(kind, load_settings()) for kind in DESK_KINDS] == [4, 5, 6]
