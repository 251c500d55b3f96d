"""Whether bytes are UTF-8, as a compiled kernel.

Validation asks it of text fields, the JSON scanner of whole records. It follows RFC 3629, so what passes here never
fails in ``bytes.decode()`` further down.
"""

from kernels.kernel import kernel
from schemas.columns import Bytes

__all__ = ["is_utf8"]


@kernel
def is_utf8(text: Bytes, at: int, stop: int) -> bool:
    """RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF."""
    while at < stop:
        first = int(text[at])
        at += 1
        if first < 0x80:
            continue
        more = 1 if 0xC2 <= first <= 0xDF else 2 if 0xE0 <= first <= 0xEF else 3 if 0xF0 <= first <= 0xF4 else 0
        if more == 0 or more > stop - at:
            return False
        second = int(text[at])
        least = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
        most = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
        if second < least or second > most:
            return False
        for index in range(at + 1, at + more):
            if text[index] < 0x80 or text[index] > 0xBF:
                return False
        at += more
    return True
