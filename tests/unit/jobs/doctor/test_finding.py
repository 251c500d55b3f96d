"""A finding is what the verb prints, as a table or as JSON."""

from jobs.doctor.finding import Finding


def test_a_finding_as_json() -> None:
    good = Finding("redis", "ok", "7.2")
    assert good.as_dict() == {"name": "redis", "state": "ok", "what": "7.2", "todo": ""}
    assert Finding("kafka", "failed", "no topic", "make it").as_dict()["todo"] == "make it"
