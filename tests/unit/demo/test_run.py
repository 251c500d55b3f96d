"""What runs of the demo leave behind when they fail: the newest three, and none that still runs."""

import fcntl
from pathlib import Path

from demo.run import drop_old_runs


def test_the_newest_runs_and_those_in_use_are_kept(tmp_path: Path) -> None:
    for name in ("1-runs", "2-failed", "3-killed", "4-failed", "5-failed", "6-begins"):
        (tmp_path / name / "stack").mkdir(parents=True)
        (tmp_path / name / "stack" / "stack.lock").touch()
    (tmp_path / "2-failed" / "stack" / "stack.lock").unlink()
    with (tmp_path / "1-runs" / "stack" / "stack.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        drop_old_runs(tmp_path)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["1-runs", "4-failed", "5-failed", "6-begins"]
    drop_old_runs(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["4-failed", "5-failed", "6-begins"]
