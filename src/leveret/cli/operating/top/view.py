"""What ``top`` shows: lines of text, made from an overview and what a person has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from leveret.cli.operating.top.state import InHandLine, TopState, in_hand, selected_index
from leveret.operate.overview import Overview, Part, Percentiles, Problem, WorkerLine
from leveret.operate.overview.words import shown_count, shown_rate, shown_seconds
from leveret.wire.masking import printable
from leveret.wire.words import counted

KEYS: Final = "j k select   Enter open   s sort   p pause   q quit"
KEYS_OPENED: Final = "Enter or Esc back"

_DIM: Final = "dim"
_LABEL: Final = 10
"""Columns of the words in front of a line."""

_WORKERS: Final = (
    ("WORKER", -30),
    ("VERSION", -10),
    ("LANES", 6),
    ("DONE/S", 7),
    ("FAIL/S", 7),
    ("HELD", 5),
    ("SEEN", 7),
)
_HELD: Final = (("FOR", 8), ("ACTION", -20), ("REQUEST", -28), ("WORKER", -16))
_HELD_WIDE: Final = (("FOR", 8), ("ACTION", -32), ("REQUEST", -36), ("WORKER", -30))
"""Titles of columns with their widths; a negative width is aligned to the left."""

_WIDE: Final = 112
"""Columns that the wide table needs."""

_STATES: Final = {"ok": "", "troubled": "bold red", "away": "bold red", "unused": _DIM, "unknown": _DIM}


def page(
    overview: Overview,
    state: TopState,
    width: int = _WIDE,
    height: int | None = None,
    *,
    told: Sequence[str] = (),
) -> list[Text]:
    """Return the lines of the whole page.

    Args:
        overview: what is shown.
        state: what a person has chosen.
        width: how many columns there is room for.
        height: how many lines there is room for; None for any number, without keys and selection.
        told: what is known of the request whose page is open.
    """
    if state.opened is not None:
        lines = [*opened(overview, state), Text(), *(Text(printable(line)) for line in told)]
        return [*lines[: None if height is None else height - 2], Text(), Text(KEYS_OPENED, _DIM)]
    head = [title(overview, state), Text(), *problems(overview, short=False), Text(), *figures(overview)]
    if height is None:
        rows = in_hand(overview, state.order)
        return [*head, Text(), *workers(overview), *([Text(), *held(overview, rows, width)] if rows else [])]
    if len(head) > height - 10:
        head = [title(overview, state), *problems(overview, short=True), *figures(overview)]
    room = max(0, height - len(head) - 4)
    shown_workers = list(workers(overview))[: max(2, room // 2)]
    rows = in_hand(overview, state.order)
    at = selected_index(rows, state)
    most = max(1, room - len(shown_workers) - 1)
    first = max(0, at - most + 1)
    lines = [*head, Text(), *shown_workers, Text(), *held(overview, rows[first : first + most], width, at - first)]
    return [*lines[: height - 1], Text(KEYS, _DIM)]


def title(overview: Overview, state: TopState) -> Text:
    """Return the first line: application, time, and whether the page stands still."""
    line = Text.assemble((overview.application, "bold"), f": {clock(overview.at)}")
    if state.paused:
        line.append("  paused", "bold yellow")
    return line.append(f"  {counted(len(overview.workers), 'worker')}, sorted by {state.order}", _DIM)


def problems(overview: Overview, *, short: bool) -> Iterator[Text]:
    """Yield what is wrong, with what to do unless there is little room."""
    for problem in overview.problems:
        style = "bold red" if problem.weight == "wrong" else "yellow"
        about, first = _about(problem, overview.at), Text(f"{problem.weight}: {printable(problem.text)}", style)
        if short:
            yield first.append(f"  {about}", _DIM)
        else:
            yield first
            yield Text.assemble((f"  {about}{': ' if about else ''}", _DIM), (problem.advice, "cyan"))
    for blind in overview.blind:
        yield Text(f"not seen: {blind.text}", _DIM)
    if not overview.problems:
        yield Text("nothing is wrong" + (", of what can be seen" if overview.blind else ""), "green")


def figures(overview: Overview) -> Iterator[Text]:
    """Yield queues, rates, times, broker and database."""
    depths, flow = overview.depths, overview.flow
    limit = "" if depths.limit is None else f" of {depths.limit:,}"
    yield _line(
        "queues",
        f"waiting {shown_count(depths.waiting)}{limit}   retrying {shown_count(depths.retrying)}   "
        f"letters {shown_count(depths.letters)}   consumers {shown_count(depths.consumers)}",
    )
    yield _line(
        "a second",
        f"in {shown_rate(flow.incoming)}   finished {shown_rate(flow.finished)}   failing {shown_rate(flow.failing)}",
    )
    yield _line("p50/95/99", f"waited {_percentiles(flow.waited)}   took {_percentiles(flow.took)}")
    yield _part("broker", overview.broker)
    yield _part("database", overview.database)


def workers(overview: Overview) -> Iterator[Text]:
    """Yield a table of the workers."""
    yield Text(_row([name for name, _ in _WORKERS], _WORKERS), _DIM)
    for worker in overview.workers:
        silent = "bold yellow" if worker.silent else ""
        yield Text(_row(_worker(worker, overview.at), _WORKERS), silent)
    if not overview.workers:
        yield Text("no worker reports", _DIM)


def held(overview: Overview, lines: Sequence[InHandLine], width: int, selected: int | None = None) -> Iterator[Text]:
    """Yield a table of requests in hand; the selected one is marked."""
    columns = _HELD_WIDE if width >= _WIDE else _HELD
    yield Text("  " + _row([name for name, _ in columns], columns), _DIM)
    for index, line in enumerate(lines):
        mark = "> " if index == selected else "  "
        where = f"{line.worker.pid} {line.worker.host}"
        cells = [_ago(line.request.since, overview.at), line.request.action, line.request.id, where]
        yield Text(f"{mark}{_row(cells, columns)}", "reverse" if index == selected else "")
    if not lines:
        yield Text("  nothing is in hand", _DIM)


def opened(overview: Overview, state: TopState) -> Iterator[Text]:
    """Yield the page of one request: what is known of it now."""
    yield Text(printable(f"Request {state.opened}"), "bold")
    yield Text()
    for line in in_hand(overview, state.order):
        if line.request.id == state.opened:
            yield _line("action", printable(line.request.action))
            yield _line("in hand", f"for {_ago(line.request.since, overview.at)}, since {clock(line.request.since)}")
            yield _line("worker", printable(f"{line.worker.name}, process {line.worker.pid} on {line.worker.host}"))
            yield _line("version", printable(f"{line.worker.version}, leveret {line.worker.framework}"))
            return
    yield Text("No worker has it in hand any more.")


def clock(moment: float) -> str:
    """Return a moment as the time of the day here."""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%H:%M:%S")


def _about(problem: Problem, now: float) -> str:
    since = "" if problem.since is None else f"since {clock(problem.since)} ({_ago(problem.since, now)})"
    felt = "" if not problem.felt else counted(problem.felt, "request")
    return ", ".join(filter(None, (since, felt)))


def _ago(moment: float, now: float) -> str:
    return shown_seconds(max(0.0, now - moment))


def _line(label: str, words: str) -> Text:
    return Text.assemble((f"{label:{_LABEL}}", _DIM), words)


def _part(label: str, part: Part) -> Text:
    state = "" if part.state in ("ok", "unused") else f"{part.state}: "
    return Text.assemble((f"{label:{_LABEL}}", _DIM), (state + printable(part.words), _STATES[part.state]))


def _percentiles(found: Percentiles) -> str:
    values = (found.p50, found.p95, found.p99)
    return "-" if found.p50 is None else " / ".join("-" if value is None else shown_seconds(value) for value in values)


def _worker(worker: WorkerLine, now: float) -> list[str]:
    return [
        f"{worker.pid} {worker.host}",
        worker.version,
        f"{worker.lanes_busy}/{worker.lanes}",
        shown_rate(worker.finished),
        shown_rate(worker.failing),
        str(len(worker.held)),
        _ago(worker.seen, now),
    ]


def _row(cells: Sequence[str], columns: Sequence[tuple[str, int]]) -> str:
    """Return cells side by side, each cut to the width of its column."""
    shown = []
    for cell, (_, width) in zip(cells, columns, strict=True):
        text, room = printable(cell), abs(width)
        text = text if len(text) <= room else f"{text[: room - 2]}.."
        shown.append(f"{text:<{room}}" if width < 0 else f"{text:>{room}}")
    return " ".join(shown)
