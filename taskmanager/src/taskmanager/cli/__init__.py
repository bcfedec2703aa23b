"""The command ``taskmanager``."""

from leveret.cli.start import start

__all__ = ["main"]


def main() -> None:
    """Run the command; every error becomes one line and an exit code."""
    start("taskmanager", "taskmanager.cli.command")
