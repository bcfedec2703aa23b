"""The words that terminal, pictures and page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from taskmanager.compare.judging import Judgement
from taskmanager.compare.scenes import Deed, Scene

DEEDS: Final[Mapping[Deed, str]] = {
    "kill": "killed",
    "start": "started",
    "lock": "locked",
    "unlock": "free again",
    "add": "one more",
    "break": "bad version",
    "mend": "mended",
}
"""What is done to the system, as marks in pictures say it."""

COLUMNS: Final = (
    *("sent", "answered", "failed", "no answer", "lost", "twice", "late", "undone", "left to do", "asked"),
    *("p50", "p99"),
)

LEGEND: Final = (
    ("answered", "callers that got the result"),
    ("failed", "callers that got an error"),
    ("no answer", "callers that gave up"),
    ("lost", "callers that got the result of an effect which does not exist"),
    ("twice", "requests whose effect exists more than once, although callers asked again"),
    ("late", "requests that were done although their callers got no result"),
    ("undone", "requests without a result and an effect, which nothing keeps: only their callers can ask again"),
    ("left to do", "dead letters that an operator had carried out afterwards, by one command"),
    ("asked", "how often callers asked; a request that is asked again has the same id"),
    ("p50, p99", "how long half, and 99 of 100, of the answered callers waited at most"),
)


def cells(judged: Judgement) -> Sequence[str]:
    """Return a judgement as the cells of a table, in the order of the columns."""
    got = (judged.sent, judged.answered, judged.failed, judged.silent)
    done = (judged.lost, judged.twice, judged.late, judged.undone, judged.left)
    return [*map(str, (*got, *done, judged.attempts)), duration(judged.p50), duration(judged.p99)]


def duration(seconds: float | None) -> str:
    """Return a duration for people."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def circumstances(scene: Scene) -> str:
    """Return one sentence about load and patience."""
    return (
        f"{scene.rate:.0f} requests a second for {scene.seconds:g} s, where one server can do "
        f"{scene.rate / scene.load:.0f}; callers give up after {scene.patience:g} s."
    )
