"""The command ``taskmanager``."""

from taskmanager.cli.app import main

__all__ = ["main"]
