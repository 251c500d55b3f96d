"""Which process is which: by command line, by setting, by hostname."""

import pytest

from processes.cluster import Place, place_of
from runtime.settings.whole import load_settings
from schemas.errors import SettingError

PODS = ("flow-0.flow:2101", "flow-1.flow:2101", "flow-2.flow:2101")
ALONE = load_settings()
CLUSTER = load_settings(cluster_addresses=",".join(PODS))


def test_alone_without_addresses() -> None:
    assert place_of(ALONE, "laptop") == Place(0, ())


def test_a_pod_is_its_ordinal() -> None:
    assert place_of(CLUSTER, "flow-2") == Place(2, PODS)
    assert place_of(CLUSTER, "flow-1.flow.default.svc") == Place(1, PODS)


def test_the_setting_wins_over_the_hostname_and_the_command_line_over_both() -> None:
    settings = CLUSTER.model_copy(update={"cluster_process": 1})
    assert place_of(settings, "flow-2").process == 1
    assert place_of(settings, "flow-2", 0).process == 0
    assert place_of(settings, "flow-2", 1, "a:1;b:2") == Place(1, ("a:1", "b:2"))


@pytest.mark.parametrize(("hostname", "said"), [("laptop", "doesn't end in a number"), ("flow-3", "no process 3")])
def test_a_place_that_cannot_be_told_is_a_line(hostname: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        place_of(CLUSTER, hostname)


def test_an_address_is_host_and_port() -> None:
    with pytest.raises(SettingError, match="TAPEFLOW_CLUSTER_ADDRESSES"):
        load_settings(cluster_addresses="flow-0,flow-1:2101")
