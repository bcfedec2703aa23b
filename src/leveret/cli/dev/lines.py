"""One line for each request: what became of it, which it was, who sent it, and how long it took."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from leveret.cli.dev.paint import Paint, Tone
from leveret.cli.dev.tracebacks import Traces
from leveret.errors import LeveretError, RequestError
from leveret.observe import Ended, Record, Settled
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.process.durations import format_duration
from leveret.wire.codec import decode_reply
from leveret.wire.masking import shown

_OUTCOME: Final = 15
_ACTION: Final = 20
_WHO: Final = 6
_TOOK: Final = 9
"""Columns; what is longer moves the rest of its line to the right."""

_ID: Final = 8
"""Characters of an id on a narrow terminal."""

_REASON: Final = 300
"""Characters of a reason."""

_KEPT: Final = 1000
"""Errors of requests that have not come to their end, at the most; a lost session leaves some behind."""


class RequestLines:
    """An observer that writes one line for each request, and the traceback of an error that is not a refusal.

    The same traceback is written once only: a worker that has new code has a new observer too.

    Args:
        put: writes a text; called in the event loop.
        paint: how it looks.
        traces: writes tracebacks.
        now: tells the time of day.
    """

    def __init__(
        self, put: Callable[[str], None], paint: Paint, traces: Traces, now: Callable[[], float] = time.time
    ) -> None:
        self._put = put
        self._paint = paint
        self._traces = traces
        self._now = now
        self._errors: OrderedDict[str, str] = OrderedDict()
        self._shown = {""}

    def __call__(self, record: Record) -> None:
        """Take a record; in whatever thread."""
        if isinstance(record, Ended):
            self._remember(record)
        elif isinstance(record, Settled):
            trace = self._errors.pop(record.subject.id, "")
            line = self._line(record)
            new = trace not in self._shown and isinstance(record.outcome, Retry | DeadLetter)
            if new:
                self._shown.add(trace)
            self._put(f"{line}\n{trace}" if new else line)

    def _remember(self, record: Ended) -> None:
        """Keep the traceback of the last attempt; after a batch was rolled back, its requests end twice."""
        error = record.error
        self._errors.pop(record.subject.id, None)
        if error is not None and not isinstance(error, RequestError):
            self._errors[record.subject.id] = self._traces.write(error)
            with suppress(KeyError):
                while len(self._errors) > _KEPT:
                    self._errors.popitem(last=False)

    def _line(self, record: Settled) -> str:
        subject = record.subject
        word, tone, reason = outcome_in_words(record.outcome)
        letter = isinstance(record.outcome, DeadLetter)
        id_ = shown(subject.id, _REASON) or "-"
        if self._paint.narrow and not letter and len(id_) > _ID + 2:  # a letter is redriven by its id
            id_ = f"{id_[:_ID]}.."
        if self._paint.narrow:
            id_ = f"{id_:<{_ID + 2}}"
        took = (record.at - subject.arrived) * 1000
        parts = [
            self._paint(clock(self._now()), "quiet"),
            self._paint(f"{word:<{_OUTCOME}}", tone),
            f"{shown(subject.action, _REASON):<{_ACTION}}",
            self._paint(id_, "quiet"),
            f"{shown(subject.principal, _REASON) or '-':<{_WHO}}",
            f"{in_milliseconds(took):>{_TOOK}}",
        ]
        if reason:
            parts.append(self._paint(shown(reason, _REASON), tone if tone in ("again", "failed") else "quiet"))
        return " ".join(parts)


def clock(now: float) -> str:
    """Return a time of day as people read it: in local time, to the second."""
    return time.strftime("%H:%M:%S", time.localtime(now))


def in_milliseconds(number: float) -> str:
    """Return milliseconds with as many digits as are of interest: ``3.2 ms``, ``123 ms``, ``12.3 s``."""
    if number < 100:
        return f"{number:.1f} ms"
    return f"{number:.0f} ms" if number < 10_000 else f"{number / 1000:.1f} s"


def outcome_in_words(outcome: Outcome) -> tuple[str, Tone, str]:
    """Return a word for an outcome, its look, and why it is so; empty for a success."""
    match outcome:
        case Answer(code=None, replayed=replayed):
            return ("replayed", "good", "") if replayed else ("ok", "good", "")
        case Answer(code=code, body=body):
            return str(code), "refused", _error_text(body)
        case Retry(number=number, delay=delay, reason=reason):
            return f"retry {number} in {format_duration(delay)}", "again", reason
        case DeadLetter(reason=reason):
            return "DEAD LETTER", "failed", reason
        case PutBack(reason=reason):
            return "put back", "again", reason


def _error_text(body: bytes) -> str:
    with suppress(LeveretError, ValueError):
        return decode_reply(body).error or ""
    return ""
