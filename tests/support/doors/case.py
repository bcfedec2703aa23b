"""What goes through a door, and what comes back."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct


class Case(Struct, frozen=True):
    """One request, before it has the form of a door.

    Attributes:
        version: of the action.
        action: its name.
        data: the action's input; anything that JSON can hold.
        token: what the caller shows; empty for nothing.
        id: the request's id.
        shows: which kind of token that is, for reports.
    """

    version: str
    action: str
    data: dict[str, Any]
    token: str
    id: str
    shows: str = ""

    @property
    def name(self) -> str:
        """Version and name of the action."""
        return f"{self.version}.{self.action}"


class Answer(Struct, frozen=True):
    """What a door answered.

    Attributes:
        code: of the error; empty for a result.
        data: the result.
        text: of the error.
        details: of the error.
        status: over HTTP; 0 for doors without one.
    """

    code: str = ""
    data: Any = None
    text: str = ""
    details: Any = None
    status: int = 0


class Door(Protocol):
    """One way to call the system."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def takes(self, case: Case) -> bool:
        """Return whether a caller can express this case through the door."""

    async def ask(self, case: Case) -> Answer:
        """Send a case, and return what comes back, also when it is an error."""
