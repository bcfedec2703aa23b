"""``taskmanager admin``: makes users administrators, and undoes that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import sqlalchemy as sa
import typer

from leveret.application.database import build_engine
from leveret.cli.context import application, load_settings
from leveret.sql import Store
from taskmanager import usecases
from taskmanager.domain import User

app = typer.Typer(no_args_is_help=True, help="Administrators, who see the statistics of all users.")

Email = Annotated[str, typer.Argument(help="The user's email.")]


@app.command()
def grant(context: typer.Context, email: Email) -> None:
    """Make a user an administrator."""
    typer.echo(f"{_change(context, email, usecases.grant_admin).email} is an administrator now.")


@app.command()
def revoke(context: typer.Context, email: Email) -> None:
    """Take the administrator's rights from a user."""
    typer.echo(f"{_change(context, email, usecases.revoke_admin).email} is no longer an administrator.")


def _change(context: typer.Context, email: str, change: Callable[[sa.Connection, str], User]) -> User:
    settings = load_settings(context)
    application(context).prepare_database(settings)
    engine = build_engine(settings)
    store = Store(engine)
    try:
        with store.begin(writes=True) as transaction:
            return change(transaction.connection, email)
    finally:
        store.close()
        engine.dispose()
