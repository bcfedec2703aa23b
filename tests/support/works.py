"""Requests as the worker's rooms see them: checked and ready to run."""

from __future__ import annotations

from msgspec.structs import replace

from leveret.worker.arrive.intake import Intake
from leveret.worker.work import Work
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import keyring


def work(name: str, tag: int = 1, *, is_async: bool = False, redelivered: bool = False) -> Work:
    """A request of an action that anybody may call."""
    delivery = delivery_of({"id": name, "version": "v1", "action": "health_check", "data": {}, "auth": ""}, tag)
    taken = Intake(note_api(), keyring()).take(replace(delivery, redelivered=redelivered))
    assert isinstance(taken, Work)
    return replace(taken, action=replace(taken.action, is_async=is_async))
