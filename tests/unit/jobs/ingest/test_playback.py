"""When frames of a recording are due."""

from feeds.recording import Frame
from jobs.ingest.playback import play

FRAMES = [Frame(1_000_000, b"a"), Frame(1_500_000, b"b"), Frame(1_500_000, b"c"), Frame(3_000_000, b"d")]


class Player:
    """Clock and intake of a story: what happened, and when."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.story: list[tuple[str, float]] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def take(self, frame: Frame) -> None:
        self.story.append((frame.data.decode(), self.now_s - 100))

    def flush(self) -> None:
        self.story.append(("flush", self.now_s - 100))


def told(speed: float | None) -> list[tuple[str, float]]:
    player = Player()
    play(FRAMES, player, speed, player.clock, player.sleep)  # type: ignore[arg-type]
    return player.story


def test_at_once() -> None:
    assert told(None) == [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("flush", 0)]


def test_as_recorded_and_twice_as_fast() -> None:
    paced = [("a", 0.0), ("flush", 0.0), ("b", 0.5), ("c", 0.5), ("flush", 0.5), ("d", 2.0), ("flush", 2.0)]
    assert told(1) == paced
    assert told(2) == [(what, when / 2) for what, when in paced]
