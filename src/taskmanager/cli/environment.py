"""The settings of a command: those of the environment, which its options can replace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leveret.settings import environment
from taskmanager.settings import Settings


def load_settings(**instead: Any) -> Settings:
    """Read the settings.

    Args:
        instead: values that replace those of the environment; None leaves a setting as it is.

    Raises:
        SettingsError: names every problem.
    """
    settings = Settings.from_environment(environment())
    return replace(settings, **{name: value for name, value in instead.items() if value is not None})
