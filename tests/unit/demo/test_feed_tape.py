"""A recorded session as a tape: each trade once, and each batch when it is due."""

from pathlib import Path

from demo.feed_tape import FeedTape, as_recorded
from demo.tape import DemoPlan
from feeds.bitget import BITGET
from runtime.settings.whole import Settings

TRADE = '{"tradeId":"%d","ts":"%d","price":"27000.1234567890","size":"0.5","side":"buy"}'
PUSH = '{"action":"%s","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},"data":[%s]}'


def recording(folder: Path) -> Path:
    rows = [TRADE % (number, 1_695_709_835_000 + number) for number in range(4)]
    frames = [
        (10.0, PUSH % ("snapshot", f"{rows[1]},{rows[0]}")),
        (10.5, '{"event":"subscribe"}'),
        (12.0, PUSH % ("update", rows[1])),
        (12.5, PUSH % ("update", rows[2])),
        (13.0, PUSH % ("update", rows[3])),
    ]
    path = folder / "session"
    path.write_text("".join(f"{1_695_709_835 + second:.6f}: {text}\n" for second, text in frames))
    return path


def test_each_trade_once_and_exact(tmp_path: Path) -> None:
    tape = FeedTape(recording(tmp_path), BITGET)
    assert [len(batch) for batch in tape] == [len(batch) for batch in tape] == [2, 1, 1]
    first = next(iter(tape))
    assert first.text[int(first.rows[0]["symbol_at"]) :][: int(first.rows[0]["symbol_len"])] == b"BTC/USDT"
    assert [received_us for received_us, _ in tape.timed()] == [
        1_695_709_845_000_000, 1_695_709_847_500_000, 1_695_709_848_000_000,
    ]  # fmt: skip


def test_the_plan_takes_the_series_that_is_set(tmp_path: Path) -> None:
    plan = DemoPlan(feed=(recording(tmp_path), BITGET))
    settings = Settings(feed_series="venue")
    (first, *_), timed = plan.recorded(settings), plan.timed(settings)
    assert timed is not None
    for batch in (first, next(timed)[1]):
        assert batch.text[int(batch.rows[0]["symbol_at"]) :][: int(batch.rows[0]["symbol_len"])] == b"BTC/USDT@BITGET"


def test_what_was_before_goes_first_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "session"
    push = PUSH.replace("BTCUSDT", "%s")
    lines = [
        f"1695709845.0: {push % ('snapshot', 'BTCUSDT', TRADE % (1, 1_695_709_835_500))}",
        f"1695709846.0: {push % ('update', 'BTCUSDT', TRADE % (2, 1_695_709_836_000))}",
        f"1695709847.0: {push % ('snapshot', 'ETHUSDT', TRADE % (3, 1_695_709_800_000))}",
    ]
    path.write_text("\n".join(lines) + "\n")
    times = [row["event_time_us"] // 1000 - 1_695_709_800_000 for batch in FeedTape(path, BITGET) for row in batch.rows]
    assert times == [0, 35_500, 36_000]


def test_each_batch_when_it_is_due(tmp_path: Path) -> None:
    timed, now_s, waits = FeedTape(recording(tmp_path), BITGET).timed(), [100.0], []

    def wait(seconds: float) -> bool:
        waits.append(round(seconds, 3))
        now_s[0] += seconds
        return len(waits) > 2

    assert len(list(as_recorded(timed, lambda: now_s[0], wait))) == 2
    assert waits == [0.0, 2.5, 0.5]
