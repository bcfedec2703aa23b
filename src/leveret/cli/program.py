"""The program that runs: its name, and what its application's settings begin with.

Imports nothing but the standard library, so that it is ready before anything else is imported.
"""

from __future__ import annotations


class Program:
    """What the last messages of a process name.

    Args:
        name: the command's name, such as ``guestbook``.

    Attributes:
        prefix: what the names of settings begin with; a guess until the application is known.
        away: what to do if there is no broker, where that is known; otherwise empty.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = f"{name.upper().replace('-', '_')}_"
        self.away = ""
