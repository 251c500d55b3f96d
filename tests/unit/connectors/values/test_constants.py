"""One text for all rows: put once behind a batch, and only where a row has none itself."""

from connectors.values.cells import ABSENT, Cells
from connectors.values.constants import Constants
from connectors.values.fields import Field


def test_absent_cells_point_to_the_text_behind_the_batch() -> None:
    cells = Cells(2)
    cells.at[1, Field.SYMBOL], cells.length[1, Field.SYMBOL] = 0, 3
    data = Constants({Field.SYMBOL: "BTC/€", Field.EXCHANGE: "X"}).put(b"own", cells)
    assert data == b"own" + "BTC/€X".encode()
    texts = {
        (row, each): data[cells.at[row, each] : cells.at[row, each] + cells.length[row, each]].decode()
        for row in (0, 1)
        for each in (Field.SYMBOL, Field.EXCHANGE)
    }
    assert texts == {
        (0, Field.SYMBOL): "BTC/€", (1, Field.SYMBOL): "own", (0, Field.EXCHANGE): "X", (1, Field.EXCHANGE): "X",
    }  # fmt: skip


def test_without_a_text_nothing_is_copied() -> None:
    data, cells = b"rows", Cells(1)
    assert Constants({}).put(data, cells) is data
    assert cells.length[0, Field.SYMBOL] == ABSENT
