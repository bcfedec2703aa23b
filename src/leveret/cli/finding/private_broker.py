"""The private broker of the command ``dev``, in the working folder: where it is, and who has to use another one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from leveret.settings import Settings, environment

FOLDER: Final = Path(".leveret")
"""Folder in the working folder for what ``dev`` keeps there."""

NODE: Final = FOLDER / "broker"
"""Folder of the node."""


def names_broker(settings: Settings) -> bool:
    """Return whether the environment names a broker for an application with these settings."""
    return bool(environment().get(settings.variable("AMQP_URL"), "").strip())


def private_url() -> str | None:
    """Return the address of the private broker that runs in the working folder; None without one."""
    if not NODE.is_dir():
        return None
    from leveret.devbroker import running_node  # noqa: PLC0415 - slow to import, and a worker in production has no node

    node = running_node(NODE)
    return node.url if node is not None else None
