"""Looks at the database again and again: whether it answers, and whether its tables are this version's."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import sqlalchemy as sa

from leveret.application import Application
from leveret.errors import LeveretError, SettingsError
from leveret.operate.overview.board import Board
from leveret.operate.threads import in_thread
from leveret.settings import Settings
from leveret.sql import schema

EVERY: Final = 5.0
"""Seconds between two looks."""

PATIENCE: Final = 10.0
"""Seconds after which a database that has not answered is called away."""


async def watch_database(board: Board, application: Application[Any], settings: Settings) -> None:
    """Write down the database's state, until cancelled."""
    if not application.uses_database(settings):
        board.note("database", "unused", "no action writes, so none is needed")
        return
    name = sa.make_url(settings.database_url).render_as_string(hide_password=True)
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                words = await in_thread(schema.describe, settings.database_url, application.schema, application.names)
                usable = await in_thread(
                    schema.is_current, settings.database_url, application.schema, application.names
                )
            board.note("database", "ok" if usable else "troubled", name if usable else f"{name}: {words}")
        except TimeoutError:
            board.note("database", "away", f"{name}: no answer within {PATIENCE:g} s")
        except SettingsError as error:
            board.note("database", "troubled", str(error).partition("\n")[0])
        except LeveretError as error:
            board.note("database", "away", str(error))
        await asyncio.sleep(EVERY)
