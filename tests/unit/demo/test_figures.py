"""Figures from scraped samples."""

from demo.figures import figures_of


def test_samples_are_added_up_by_what_they_count() -> None:
    figures = figures_of(
        {
            ("tapeflow_records_read_total", (("flow", "live"), ("partition", "0"))): 10.0,
            ("tapeflow_records_read_total", (("flow", "live"), ("partition", "1"))): 5.0,
            ("tapeflow_trades_total", (("flow", "live"), ("outcome", "late"), ("partition", "1"))): 2.0,
            ("tapeflow_rejects_total", (("flow", "live"), ("reason", "corrupt"))): 3.0,
            ("tapeflow_bars_final_total", (("flow", "live"), ("interval", "1m"))): 7.0,
            ("tapeflow_lag_records", (("flow", "live"), ("partition", "0"))): -1.0,
            ("tapeflow_symbols", (("flow", "live"),)): 4.0,
            ("tapeflow_latency_ms_bucket", (("flow", "live"), ("le", "+Inf"))): 9.0,
            ("something_else", ()): 1.0,
        }
    )
    assert (figures.records, figures.outcome("late"), figures.rejects["corrupt"]) == (15, 2, 3)
    assert (figures.bars_final, figures.lag, figures.symbols) == (7, 0, 4)
    assert figures.buckets[float("inf")] == 9
