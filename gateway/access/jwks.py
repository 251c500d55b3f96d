"""Fetches the document of public keys (JWKS, RFC 7517 section 5) that a setting names.

gateway.access.auth asks for it in a thread of its own and takes the keys out of it. An answer is whole within TOTAL_S
or none, however slowly its bytes come, and it has BYTES_MAX bytes at most. A redirect never leads from https to http,
since keys that came over a plain connection would be anybody's. A proxy of the environment is used, as by any Python
program.
"""

import json
from typing import Final

from runtime.download import download

__all__ = ["download_jwks"]

TOTAL_S: Final = 10.0
BYTES_MAX: Final = 1_000_000


def download_jwks(url: str, total_s: float = TOTAL_S) -> object:
    """The JSON document at ``url``. Raises OSError, ValueError or http.client.HTTPException where there is none."""
    text = download(url, total_s=total_s, bytes_max=BYTES_MAX)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JWKS is nested too deep") from None
