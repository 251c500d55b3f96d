from pathlib import Path

from local.redis import bundled_binary, redis_command


def test_command_names_its_folder_and_port() -> None:
    command = redis_command("redis-server", Path("/data/redis"), 7001)
    assert command[0] == "redis-server"
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "7001"
    assert options["--dir"] == "/data/redis"
    assert options["--appendonly"] == "yes"


def test_bundled_binary_is_found() -> None:
    assert bundled_binary().name == "redis-server"
