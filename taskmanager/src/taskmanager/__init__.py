"""The Task Manager: an API for users and tasks, in two versions, over RabbitMQ."""

from typing import Final

VERSION: Final = "0.1.0"
"""The version of the application, as `pyproject.toml` has it too; letters name that of the worker that wrote them."""
