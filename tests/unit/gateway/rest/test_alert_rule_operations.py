"""The endpoints of rules: fixed paths before those with an id, and the limit is said."""

from types import SimpleNamespace

from gateway.rest.alert_rule_operations import operations


async def handler(_call: object) -> None: ...


def test_fixed_paths_come_first_and_the_limit_is_said() -> None:
    names = ("all", "create", "one", "replace", "delete", "preview", "fired")
    found = operations(SimpleNamespace(**dict.fromkeys(names, handler)), 77)  # type: ignore[arg-type]
    paths = [each.path for each in found]
    assert paths.index("/api/alert-rules/preview") < paths.index("/api/alert-rules/{id}")
    assert "at most 77" in next(each.description for each in found if each.id == "createAlertRule")
    assert len({each.id for each in found}) == len(found) == 7
