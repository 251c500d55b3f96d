"""The option --kind: the desk's topic stands where that of trades does, and what says nothing there is refused."""

import pytest

from schemas.errors import SettingError
from tapeflow.cli import main
from tapeflow.commands.kind import desk_kind, enter_kind, refuse_options


def test_the_topic_of_a_kind() -> None:
    assert enter_kind(desk_kind("trades"), "t").kafka_topic == "t"
    settings = enter_kind(desk_kind("lp"), None)
    assert (settings.kafka_topic, settings.dead_letter_topic) == ("lp-metrics", "lp-metrics.dead-letter")
    assert enter_kind(desk_kind("lp"), "other").kafka_topic == "other"


def test_other_words_and_options_of_bars_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingError, match="'bars' is no kind"):
        desk_kind("bars")
    refuse_options("lp", {"--from": False})
    with pytest.raises(SettingError, match="whole topic"):
        refuse_options("lp", {"--from": False, "--to": True})
    assert main(["verify", "--kind", "lp", "--symbols", "A"]) == 2
    assert main(["replay", "--kind", "lp", "--diff"]) == 2
    assert main(["replay", "--kind", "nothing"]) == 2
    assert main(["verify", "--kind", "nothing"]) == 2
    assert main(["dead-letters", "list", "--kind", "nothing"]) == 2
    assert "is no kind" in capsys.readouterr().err
