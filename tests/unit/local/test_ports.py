import socket

import pytest

from local.ports import free_port, require_free
from schemas.errors import SettingError


def test_taken_port_is_one_clear_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SettingError, match=rf"port {port} for redis is not free .*--redis-port"):
            require_free("redis", port)


def test_free_port_is_taken_as_it_is_and_zero_means_any() -> None:
    port = free_port()
    assert require_free("redis", port) == port
    assert require_free("redis", 0) > 0
