"""Which actions are not tried, because what they do could not be undone."""

from __future__ import annotations

from typing import Final

from leveret.api import Action, Api
from leveret.api.data import shown_type
from leveret.api.resources import with_article
from leveret.auth.keyring import Keyring
from leveret.settings import Settings

_OWN: Final = (Settings, Keyring, Api)
"""What the application itself gives to actions; none of it acts outside."""


def why_not_run(action: Action) -> str:
    """Return why an action is not tried; an empty text if it is.

    A ``def`` action without resources has all its effects in its transaction, as far as it says, and the transaction is
    rolled back. A resource, such as a mailer, acts outside the database unless the action says ``outside=False``.

    Args:
        action: as it is registered: its resources are not bound yet.
    """
    if action.is_async:
        return "it is an async def action, which may act outside the database"
    if action.outside:
        return "it is declared with outside=True: it acts outside the database"
    if action.outside is None and (found := _resource(action)):
        return f"it is given {found}, which may act outside the database; outside=False would say that it does not"
    return ""


def _resource(action: Action) -> str:
    """Return the first resource of an action, with its article; an empty text if it has none."""
    for kind in action.takes.wants.values():
        if not (isinstance(kind, type) and issubclass(kind, _OWN)):
            return with_article(shown_type(kind))
    return ""
