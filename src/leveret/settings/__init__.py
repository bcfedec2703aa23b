"""Settings: one frozen record, read from the environment under the application's prefix."""

from leveret.settings.environment import environment
from leveret.settings.settings import Settings, setting

__all__ = ["Settings", "environment", "setting"]
