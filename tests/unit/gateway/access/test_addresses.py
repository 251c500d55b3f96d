"""Whose address a request counts for: the peer's, or what trusted proxies added; IPv6 by its network."""

import pytest

from gateway.access.addresses import AddressRule, forwarded_entries, limited_address

LINES = ["1.1.1.1, 2.2.2.2:443", "[2001:db8::1]:8443,3.3.3.3"]


def test_entries_of_all_lines_count() -> None:
    assert forwarded_entries(LINES) == ("1.1.1.1", "2.2.2.2:443", "[2001:db8::1]:8443", "3.3.3.3")
    assert forwarded_entries([]) == ()


@pytest.mark.parametrize(
    ("rule", "address"),
    [
        (AddressRule(), "9.9.9.9"),
        (AddressRule(trusts=True), "3.3.3.3"),
        (AddressRule(trusts=True, hops=2), "2001:db8::1"),
        (AddressRule(trusts=True, hops=3), "2.2.2.2"),
        (AddressRule(trusts=True, hops=5), "9.9.9.9"),
    ],
)
def test_the_trusted_hop_s_entry_decides(rule: AddressRule, address: str) -> None:
    assert rule.of(forwarded_entries(LINES), "9.9.9.9") == address


def test_an_entry_that_is_no_address_is_nobody_s() -> None:
    assert AddressRule(trusts=True).of(("1.1.1.1", "unknown"), "9.9.9.9") == "9.9.9.9"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_what_a_limit_counts_by(address: str, counted: str) -> None:
    assert limited_address(address) == counted
