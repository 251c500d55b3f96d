"""Which names are this machine's own."""

import pytest

from gateway.access.hosts import is_local_host, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.9.9.9", "a.localhost"])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com", "127.0.0.1.example.com", "", "10.0.0.1", "localhost.evil"])
def test_names_that_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]", "[::1]:8080"])
def test_host_headers_that_are_local(host: str) -> None:
    assert is_local_host(host)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", "[fe80::1]:80", "[", ":80"])
def test_host_headers_that_are_not(host: str) -> None:
    assert not is_local_host(host)
