"""Options hold secrets that no text shows; what is no registry is an error that may pass."""

from connectors.avro.registry_options import NoRegistry, RegistryOptions
from schemas.errors import Unreachable


def test_no_secret_is_in_the_text_of_options() -> None:
    options = RegistryOptions("http://host", "me", "hidden", properties={"ssl.key.password": "hidden too"})
    assert "hidden" not in repr(options)
    assert "me" in repr(options)


def test_what_answers_and_is_no_registry_is_waited_for_by_a_running_flow() -> None:
    error = NoRegistry("http://host", "HTTP 404")
    assert isinstance(error, Unreachable)
    assert str(error).startswith("no Schema Registry answers there, but HTTP 404 (http://host)")
