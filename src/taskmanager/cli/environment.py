"""The settings of a command: the environment, with what its options say instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from taskmanager.settings import Settings, environment


def load_settings(**instead: Any) -> Settings:
    """Read the settings.

    Args:
        instead: values that hold instead of those of the environment; None for those that do not.

    Raises:
        SettingsError: with all problems.
    """
    settings = Settings.from_environment(environment())
    return replace(settings, **{name: value for name, value in instead.items() if value is not None})
