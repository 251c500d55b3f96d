"""Warming runs the hot path; afterwards nothing on it is left to compile."""

from core.bars.shard_kernel import apply_trades
from processes.warm import compile_kernels


def test_a_second_run_compiles_nothing_new() -> None:
    compile_kernels()
    compiled = len(apply_trades.signatures)  # type: ignore[attr-defined]
    compile_kernels()
    assert compiled == len(apply_trades.signatures) == 1  # type: ignore[attr-defined]
