"""State and tables together: kept, brought back, and refused where that would lose or overwrite something."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from jobs.backup.places import BackupPlace
from jobs.backup.state import has_state
from jobs.backup.whole import back_up, checked, chosen_flows, restore
from processes.recovery import state_folder
from runtime.settings.whole import Settings, load_settings
from schemas.errors import InputError, MissingObject, StateIncompatible
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def settings(clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path) -> Settings:
    return load_settings(
        clickhouse_dsn=clickhouse_dsn, clickhouse_database=clickhouse_database, recovery_dir=tmp_path / "recovery",
        recovery_partitions=2,
    )  # fmt: skip


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> BackupPlace:
    """A backup of live's and history's state and one bar."""
    for flow in ("history", "live"):
        state_folder(settings, flow, 0, init_db_dir)
    client = connect(settings.clickhouse_dsn)
    migrate(client, settings.clickhouse_database)
    bars = f"{settings.clickhouse_database}.bars"
    client.execute(f"INSERT INTO {bars} (symbol, start, close) VALUES", [("A", datetime(2026, 1, 1, tzinfo=UTC), 2)])
    client.disconnect()
    place = BackupPlace(str(tmp_path / "backup"))
    manifest = back_up(settings, place, nothing)
    assert [flow.flow for flow in manifest.flows] == ["history", "live"]
    return place


def test_all_comes_back_where_all_is_gone(settings: Settings, place: BackupPlace, tmp_path: Path) -> None:
    client = connect(settings.clickhouse_dsn)
    client.execute(f"DROP TABLE {settings.clickhouse_database}.bars SYNC")
    there = settings.model_copy(update={"recovery_dir": tmp_path / "new"})
    manifest = checked(place, nothing)
    assert restore(there, place, manifest, nothing) >= 1
    assert client.execute(f"SELECT symbol, close FROM {settings.clickhouse_database}.bars_final") == [("A", 2)]
    client.disconnect()
    assert all(has_state(tmp_path / "new" / flow) for flow in ("history", "live"))


def test_state_of_chosen_flows_alone(settings: Settings, place: BackupPlace, tmp_path: Path) -> None:
    manifest = checked(place, nothing)
    there = settings.model_copy(update={"recovery_dir": tmp_path / "new"})
    restore(there, place, chosen_flows(manifest, ["history"]), nothing)
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["history"]
    with pytest.raises(InputError, match="no state of alerts"):
        chosen_flows(manifest, ["alerts"])


def test_state_that_is_there_is_never_overwritten(settings: Settings, place: BackupPlace) -> None:
    client = connect(settings.clickhouse_dsn)
    client.execute(f"TRUNCATE TABLE {settings.clickhouse_database}.bars")
    with pytest.raises(StateIncompatible, match="recovery state already"):
        restore(settings, place, checked(place, nothing), nothing)
    assert client.execute(f"SELECT count() FROM {settings.clickhouse_database}.bars") == [(0,)]
    client.disconnect()


def test_a_damaged_file_is_found_wherever_it_is(place: BackupPlace) -> None:
    for name in ("part-1.sqlite3", "2026.parquet"):
        (path,) = [each for each in Path(str(place)).rglob(name) if "bars" in str(each) or "live" in str(each)]
        data = path.read_bytes()
        for harmed in (data[:40] + bytes([data[40] ^ 1]) + data[41:], data[:-1], None):
            path.unlink()
            if harmed is not None:
                path.write_bytes(harmed)
            with pytest.raises(InputError, match=name):
                checked(place, nothing)
            path.write_bytes(data)
    checked(place, nothing)


def test_a_backup_goes_nowhere_twice_and_nothing_is_no_backup(
    settings: Settings, place: BackupPlace, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="something lies there already"):
        back_up(settings, place, nothing)
    empty = settings.model_copy(update={"recovery_dir": tmp_path / "none", "clickhouse_database": "no_such"})
    with pytest.raises(MissingObject, match="nothing to back up"):
        back_up(empty, BackupPlace(str(tmp_path / "other")), nothing)


def test_tables_that_clickhouse_keeps_need_the_place_again(settings: Settings, place: BackupPlace) -> None:
    with pytest.raises(InputError, match=r"kept in this backup.*leave --by-server out"):
        restore(settings, place, checked(place, nothing), nothing, "Disk('backups', 'one')")
