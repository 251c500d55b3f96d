"""Ports and files that can't be had are told by their setting."""

import socket
from pathlib import Path

import pytest

from gateway.ws.listening import listening_socket, tls_context
from gateway.ws.options import WsOptions
from schemas.errors import SettingError


def test_a_port_that_another_has_is_refused_and_one_that_is_shared_is_not() -> None:
    with listening_socket(WsOptions(port=0, reuse_port=True)) as first:
        first.listen()
        port = first.getsockname()[1]
        listening_socket(WsOptions(port=port, reuse_port=True)).close()
        with pytest.raises(SettingError, match="TAPEFLOW_GATEWAY_PORT") as refused:
            listening_socket(WsOptions(port=port))
        assert f"127.0.0.1:{port}" in str(refused.value)


def test_an_address_with_colons_is_of_ipv6() -> None:
    with listening_socket(WsOptions(host="::1", port=0)) as found:
        assert found.family is socket.AF_INET6


def test_a_connection_sends_at_once_what_it_is_given() -> None:
    with listening_socket(WsOptions(port=0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            listener.setblocking(True)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_tls_files(tmp_path: Path) -> None:
    assert tls_context(WsOptions()) is None
    bad = tmp_path / "cert.pem"
    bad.write_text("no certificate")
    with pytest.raises(SettingError, match=r"cert\.pem"):
        tls_context(WsOptions(tls_cert=str(bad)))
    with pytest.raises(SettingError, match="TAPEFLOW_GATEWAY_TLS_CERT"):
        tls_context(WsOptions(tls_key=str(bad)))
