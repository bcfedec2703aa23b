"""The command ``leveret``, and the commands of applications, which are made of the same parts."""

from leveret.cli.start import start

__all__ = ["main"]


def main() -> None:
    """Run the command ``leveret``; every error becomes one line and an exit code."""
    start("leveret", "leveret.cli.leveret")
