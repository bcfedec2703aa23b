"""The command ``leveret``, which finds its application by name."""

from __future__ import annotations

from typing import Final

from leveret.cli.command import Command
from leveret.cli.commands import COMMANDS, WITHOUT_APPLICATION

command: Final = Command("leveret", commands={**WITHOUT_APPLICATION, **COMMANDS}, module="leveret")
