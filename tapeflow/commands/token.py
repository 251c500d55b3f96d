"""``tapeflow token``: a signed token for development and tests, on standard output.

It signs with the settings' key and algorithm and nothing else, so the gateway that reads the same settings takes it.
Without a key it is one line and exit 2. In production tokens come from whoever knows the users.
"""

from typing import Annotated

import typer

from tapeflow.commands.entry import enter

__all__ = ["token"]


def token(
    user: Annotated[str, typer.Argument(help="The claim userId.")],
    symbols: Annotated[str, typer.Option(help="Symbols or globs that may be seen, with commas; * is all.")] = "*",
    role: Annotated[str, typer.Option(help="Decides which analytics channels may be joined.")] = "",
    permissions: Annotated[str, typer.Option(help="Names for applications, with commas.")] = "",
    username: Annotated[str, typer.Option(help="The name to show; the user id unless given.")] = "",
    minutes: Annotated[float, typer.Option(min=0.01, max=525_600, help="How long it is valid.")] = 60.0,
) -> int:
    """Make a token that this machine's gateway accepts, for development.

    Examples: tapeflow token alice or TOKEN=$(tapeflow token bob --symbols 'BTC/*,ETH/*' --role trader --minutes 5)
    """
    from gateway.access.auth import make_token

    made = make_token(
        enter(),
        user,
        symbols=split(symbols),
        role=role,
        permissions=split(permissions),
        username=username,
        lifetime_s=max(int(minutes * 60), 1),
    )
    typer.echo(made)
    return 0


def split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
