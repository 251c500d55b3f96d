"""Alerts in words: severities, categories, S1's actions."""

from core.analytics.alerts import exposure_alert, routing_alert, silent_alert, status_alert, trade_alert


def test_alerts_by_hand() -> None:
    one = exposure_alert("critical", "id", "open", 5, 95 * 10**10, 100 * 10**10)
    assert one[:7] == (
        "id", "open", 5, "critical", "exposure", "Exposure is critical", "The gross exposure is 95 of a limit of 100",
    )  # fmt: skip
    assert exposure_alert("warning", "id", "open", 5, 1, 1).severity == "warning"
    assert one.actions == ("Review positions", "Consider hedging")
    assert status_alert("LMAX", "down", "id", "resolved", 5)[3:6] == ("error", "lp", "LMAX is down")
    silent = silent_alert("LMAX", "id", "open", 5, "clock")
    assert (silent.title, silent.basis, silent.source) == ("LMAX is silent", "clock", "analytics")
    slow = routing_alert("execution", "lp:A:B", "id", "open", 5, 1500, 1000)
    assert slow[3:7] == (
        "warning", "routing", "Orders are executed slowly: A:B", "A minute's p99 was 1.5 ms; the bound is 1 ms",
    )  # fmt: skip
    many = routing_alert("rejects", "total", "id", "open", 5, 7, 5)
    assert many.title == "Many orders are rejected: the desk"
    jump = trade_alert("jumps", "A", "id", "open", 5, "log")
    assert (jump.title, jump.symbols, jump.severity) == ("The price of A jumped", ("A",), "warning")
    stale = trade_alert("stale", "", "id", "resolved", 5, "clock")
    assert (stale.symbols, stale.severity, stale.category, stale.basis) == ((), "error", "trades", "clock")
