"""``tapeflow forget USER``: what is kept of one user is removed from Kafka, Redis and ClickHouse.

It asks before it does so, unless ``--yes`` is given, and says what there was. Off a terminal it wants ``--yes``.
"""

import sys
from typing import Annotated

import typer

from schemas.errors import SettingError
from tapeflow.commands.entry import enter

__all__ = ["forget"]


def forget(
    user: Annotated[str, typer.Argument(help="The userId of the user's tokens.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> int:
    """Remove a user's watchlists, rules about prices, and what they fired; for good.

    Example: tapeflow forget 7d1f --yes
    """
    from jobs.forget import forget_user

    if not user.strip():
        raise SettingError("no user given", where="USER")
    settings = enter()
    if not yes:
        if not sys.stdin.isatty():
            raise SettingError("nobody is there to be asked", where="forget", mend="give --yes")
        typer.confirm(f"Remove all that is kept of user {user}?", abort=True, err=True)
    found = forget_user(settings, user)
    typer.echo(
        f"user {user}: removed {found.watchlists} watchlists, {found.rules} rules, {found.alerts} alerts,"
        f" {found.events} events"
    )
    return 0
