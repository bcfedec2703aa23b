"""Output of the demonstration: three columns on a wide terminal; two columns, with the log below them, on others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.highlighter import JSONHighlighter
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from leveret.broker.queues import QueueReport
from taskmanager.demo.masking import presentable
from taskmanager.demo.worker_logs import LogLine

WIDE: Final = 110
"""Width of a terminal, in columns, from which on the log stands beside request and response."""

_highlight = JSONHighlighter()


class Screen:
    """Prints the demonstration.

    Args:
        console: prints the output; by default to standard output, which honours NO_COLOR, COLUMNS and TERM.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)

    def say(self, text: str) -> None:
        """Print a sentence."""
        self._console.print(Text(text))

    def head(self, title: str, sentence: str) -> None:
        """Print the title of a step, and a sentence about it."""
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left", style="cyan", characters="-"))
        self._console.print(Text(sentence))

    def columns(self, shown: Sequence[tuple[str, Any]], lines: Iterable[LogLine]) -> None:
        """Print JSON values side by side under their titles, with the workers' log lines."""
        wide = self._console.width >= WIDE
        log = [_log_line(line, "\n" if wide else " ") for line in lines]
        table = _table()
        for title, _ in shown:
            table.add_column(title, ratio=3, overflow="fold")
        cells: list[RenderableType] = [_json(value) for _, value in shown]
        if wide and log:
            table.add_column("log of the workers", ratio=4, overflow="fold")
            cells.append(Group(*log))
        table.add_row(*cells)
        self._console.print(table)
        if log and not wide:
            self._log(log)

    def checked(self, text: str) -> None:
        """Print what has been checked."""
        self._console.print(Text.assemble(("checked: ", "bold green"), text))

    def queues(self, reports: Iterable[QueueReport]) -> None:
        """Print the table of queues."""
        table = Table(box=box.SQUARE, show_edge=True)
        table.add_column("queue", overflow="fold")
        table.add_column("messages", justify="right")
        table.add_column("consumers", justify="right")
        table.add_column("what it is for", overflow="fold")
        for report in reports:
            table.add_row(report.name, str(report.messages), str(report.consumers), report.purpose)
        self._console.print(table)

    def failed(self, text: str, lines: Sequence[LogLine]) -> None:
        """Print why the demonstration ends early, with the last lines of the workers."""
        self._console.print()
        self._console.print(Text(f"The demonstration failed: {text}", style="bold red"))
        if lines:
            self._log([_log_line(line) for line in lines])

    def _log(self, log: Sequence[Text]) -> None:
        table = _table()
        table.add_column("log of the workers", overflow="fold")
        table.add_row(Group(*log))
        self._console.print(table)


def _table() -> Table:
    return Table(box=box.SQUARE, expand=True, header_style="bold")


def _json(value: Any) -> Text:
    return _highlight(Text(json.dumps(presentable(value), indent=2, ensure_ascii=False)))


def _log_line(line: LogLine, between: str = " ") -> Text:
    return Text.assemble((f"{line.moment} ", "dim"), (line.worker, "cyan"), between, line.message)
