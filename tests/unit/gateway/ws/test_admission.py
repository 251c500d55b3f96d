"""Who gets in, and with which close code the others go."""

import pytest

from gateway.access.auth import OpenAuthorizer
from gateway.access.principal import Principal, TokenRefused
from gateway.ws.admission import Admission, Handshake, Refusal, read_handshake
from gateway.ws.options import WsOptions


class Good:
    def verify(self, token: str | None) -> Principal:
        if token != "good":
            raise TokenRefused("bad token")
        return Principal("u", ("*",))


def judge(handshake: Handshake, *, origins: tuple[str, ...] = (), others: int = 0, per_ip: int = 10) -> int:
    admission = Admission(WsOptions(origins=origins, clients_per_ip=per_ip), Good())
    for _ in range(others + 1):
        admission.enter("1.2.3.4")
    verdict = admission.judge(handshake, "1.2.3.4")
    return verdict.code if isinstance(verdict, Refusal) else 0


@pytest.mark.parametrize(
    ("origin", "origins", "code"),
    [
        ("", (), 0),
        ("https://gw.example", (), 0),
        ("https://evil.example", (), 4003),
        ("https://gw.example", ("https://app.example",), 4003),
        ("https://app.example", ("https://app.example",), 0),
        ("https://app.example.evil", ("https://app.example",), 4003),
        ("https://evil.example", ("*",), 0),
        ("http://[", (), 4003),
    ],
)
def test_origins(origin: str, origins: tuple[str, ...], code: int) -> None:
    assert judge(Handshake("/", "good", origin, "gw.example"), origins=origins) == code


@pytest.mark.parametrize(
    ("host", "origin", "origins", "code"),
    [
        ("evil.example:8080", "http://evil.example:8080", (), 4003),
        ("evil.example:8080", "http://evil.example:8080", ("*",), 4003),
        ("evil.example", "", (), 4003),
        ("127.0.0.1.evil.example", "", (), 4003),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", (), 0),
        ("127.0.0.1:8080", "", (), 0),
        ("localhost", "", (), 0),
        ("LocalHost:8080", "", (), 0),
        ("[::1]:8080", "", (), 0),
        ("", "", (), 0),
    ],
)
def test_an_open_gateway_serves_local_names_only(host: str, origin: str, origins: tuple[str, ...], code: int) -> None:
    """A page that re-binds its own name to loopback sends an Origin that equals its Host."""
    admission = Admission(WsOptions(origins=origins), OpenAuthorizer())
    verdict = admission.judge(Handshake("/", None, origin, host), "127.0.0.1")
    assert (verdict.code if isinstance(verdict, Refusal) else 0) == code
    assert admission.serves(host) is (code == 0)
    assert Admission(WsOptions(), Good()).serves(host)


def test_tokens_and_capacity() -> None:
    assert judge(Handshake("/")) == 4001
    assert judge(Handshake("/", "bad")) == 4001
    assert judge(Handshake("/", "good"), others=9) == 0
    assert judge(Handshake("/", "good"), others=10) == 1013


def test_leaving_gives_the_place_back() -> None:
    admission = Admission(WsOptions(clients_per_ip=1), Good())
    admission.enter("a")
    admission.leave("a")
    admission.enter("a")
    assert isinstance(admission.judge(Handshake("/", "good"), "a"), Principal)
    assert admission.connections == 1


def test_a_handshake_is_read_from_target_and_headers() -> None:
    headers = {
        "authorization": "Bearer abc",
        "origin": "https://x",
        "host": "h",
        "sec-websocket-protocol": "chat, msgpack",
        "sec-websocket-extensions": "permessage-deflate",
    }
    got = read_handshake("/ws/prices?token=query", headers)
    assert (got.path, got.token, got.protocol) == ("/ws/prices", "abc", "msgpack")
    assert got.deflate.startswith("permessage-deflate")
    assert read_handshake("/?token=a%2Fb", {}).token == "a/b"
    assert read_handshake("/?" + "&".join(["a=1"] * 1000), {}).token is None


@pytest.mark.parametrize(
    ("lines", "hops", "address"),
    [
        (["6.6.6.6, 9.9.9.9"], 1, "9.9.9.9"),
        (["6.6.6.6", "9.9.9.9"], 1, "9.9.9.9"),
        (["6.6.6.6, 9.9.9.9", "5.5.5.5"], 2, "9.9.9.9"),
        (["9.9.9.9"], 2, "1.1.1.1"),
        ([], 1, "1.1.1.1"),
        (["9.9.9.9, "], 1, "1.1.1.1"),
        (["9.9.9.9:51000"], 1, "9.9.9.9"),
        (["[2001:DB8::1]:51000"], 1, "2001:db8::1"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["unknown"], 1, "1.1.1.1"),
    ],
)
def test_a_forwarded_address_is_the_one_that_the_trusted_proxy_added(lines: list[str], hops: int, address: str) -> None:
    handshake = read_handshake("/", {"x-forwarded-for": ", ".join(lines)} if lines else {})
    options = WsOptions(trust_forwarded=True, forwarded_hops=hops)
    assert Admission(options, Good()).address(handshake, "1.1.1.1") == address
    assert Admission(WsOptions(), Good()).address(handshake, "1.1.1.1") == "1.1.1.1"
