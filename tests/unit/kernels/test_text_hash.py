"""The digest is that of the authors' test vectors, for every length of the last block."""

import numpy as np
import pytest

from kernels.text_hash import digest_text


@pytest.mark.parametrize(
    ("length", "digest"),
    [
        (0, "a3817f04ba25a8e66df67214c7550293"),
        (1, "da87c1d86b99af44347659119b22fc45"),
        (2, "8177228da4a45dc7fca38bdef60affe4"),
        (8, "3b62a9ba6258f5610f83e264f31497b4"),
    ],
)
def test_the_authors_vectors(length: int, digest: str) -> None:
    low, high = digest_text(np.arange(length, dtype=np.uint8), 0, length)
    assert (int(low).to_bytes(8, "little") + int(high).to_bytes(8, "little")).hex() == digest


def test_only_the_bytes_between_at_and_stop_count() -> None:
    text = np.frombuffer(b"xx498350a3-8c03-affdyy", np.uint8)
    inner = np.frombuffer(b"498350a3-8c03-affd", np.uint8)
    assert digest_text(text, 2, len(text) - 2) == digest_text(inner, 0, len(inner))
    assert len({digest_text(inner, 0, stop) for stop in range(len(inner) + 1)}) == len(inner) + 1
