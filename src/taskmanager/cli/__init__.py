"""The command ``taskmanager``."""

from warren.memory import without_collection

__all__ = ["main"]


def main() -> None:
    """Run the command; expected errors become one line and an exit code."""
    with without_collection():
        from taskmanager.cli import app  # noqa: PLC0415 - here, so that this import too is without collection
    app.main()
