"""The environment of the process; nothing else in the framework reads it, or in an application."""

from __future__ import annotations

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """Return the process's environment."""
    return os.environ
