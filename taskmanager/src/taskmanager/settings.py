"""The settings of the Task Manager, ``TASKMANAGER_*``: those of every application, and two of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from leveret import settings
from leveret.settings import setting, values

PREFIX: Final = "TASKMANAGER_"
"""What the names of all settings begin with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(settings.Settings):
    """All settings. The repr shows nothing secret.

    Attributes:
        allow_simulated_errors: whether requests may ask for failures; for demonstrations only.
        token_lifetime: how long a login lasts.
    """

    name: str = "taskmanager"
    prefix: str = PREFIX
    database_url: str = setting("DATABASE_URL", values.database_url, "sqlite:///taskmanager.db", secret=True)
    queue_prefix: str = setting("QUEUE_PREFIX", values.queue_prefix, "api")
    allow_simulated_errors: bool = setting("ALLOW_SIMULATED_ERRORS", values.truth, False)  # noqa: FBT003 - the default
    token_lifetime: timedelta = setting(
        "TOKEN_LIFETIME", values.duration(timedelta(seconds=1), timedelta(days=31)), timedelta(hours=1)
    )
