"""The command ``leveret``, which finds its application by name."""

from __future__ import annotations

from typing import Final

from leveret.cli.command import Command

command: Final = Command("leveret")
