"""Progress: a line every ten seconds where nobody watches, with the time that is left."""

import io

from rich.console import Console

from jobs.progress import WorkProgress, shown_progress


def test_a_line_every_ten_seconds_with_the_time_left() -> None:
    out, now = io.StringIO(), [100.0]
    progress = WorkProgress(Console(file=out, width=200), "proving", "records", clock=lambda: now[0])
    for second in range(31):
        now[0] = 100.0 + second
        progress.update(second * 100, 9_000)
    assert out.getvalue().splitlines() == [
        "proving 1,000 of 9,000 records, 100/s, 11%, about 1 min 20 s left",
        "proving 2,000 of 9,000 records, 100/s, 22%, about 1 min 10 s left",
        "proving 3,000 of 9,000 records, 100/s, 33%, about 1 min 00 s left",
    ]


def test_a_share_is_enough_and_nothing_is_known_without_one() -> None:
    out, now = io.StringIO(), [0.0]
    progress = WorkProgress(Console(file=out, width=200), "reading", "rows", clock=lambda: now[0])
    now[0] = 10.0
    progress.update(1_000, share=0.001)
    now[0] = 20.0
    progress.update(5_000)
    assert out.getvalue().splitlines() == [
        "reading 1,000 rows, 100/s, 0%, about 2 h 46 min left",
        "reading 5,000 rows, 250/s",
    ]


def test_what_was_done_before_and_a_second_pass_are_no_part_of_the_pace() -> None:
    out, now = io.StringIO(), [0.0]
    progress = WorkProgress(Console(file=out, width=200), "replaying", "records", clock=lambda: now[0])
    progress.resume(900_000)
    now[0] = 10.0
    progress.update(901_000, 1_000_000)
    now[0] = 20.0
    progress.update(0, 1_000)
    now[0] = 30.0
    progress.update(500, 1_000)
    assert out.getvalue().splitlines() == [
        "replaying 901,000 of 1,000,000 records, 100/s, 90%, about 16 min 30 s left",
        "replaying 0 of 1,000 records, 0/s",
        "replaying 500 of 1,000 records, 50/s, 50%, about 10 s left",
    ]


def test_a_bar_on_a_terminal_goes_away() -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True)
    with shown_progress(console, "reading", "rows") as progress:
        progress.update(5, 10)
        progress.update(10, 10)
    assert "reading 10 of 10 rows" in out.getvalue()
