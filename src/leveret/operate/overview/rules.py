"""What counts as wrong: one function for each rule, the worst first. Each looks at facts and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from leveret.operate.overview.facts import Facts
from leveret.operate.overview.records import Problem
from leveret.operate.overview.sentences import Value
from leveret.operate.overview.system import WHILE

PATIENCE: Final = 10.0
"""Seconds that a request may wait for its turn before that is called long."""

NEARLY_FULL: Final = 0.8
"""Part of the queue's limit from which on it is nearly full."""

MANY_RETRIES: Final = 10
"""Retries in the last minutes, from which on they are a matter for people."""

FAILING_PART: Final = 0.05
"""Part of all attempts that are retries, from which on they are a matter for people."""


def broker_away(facts: Facts) -> Iterator[Problem]:
    """Report a broker that does not answer."""
    broker = facts.seen.broker
    if broker.state == "away":
        yield _wrong("broker_away", broker.since, None, words=broker.words, doctor=facts.system.command("doctor"))


def broker_alarm(facts: Facts) -> Iterator[Problem]:
    """Report an alarm of the broker."""
    broker = facts.seen.broker
    if broker.state == "troubled":
        yield _wrong("broker_alarm", broker.since, facts.depths.waiting, words=broker.words)


def database_away(facts: Facts) -> Iterator[Problem]:
    """Report a database that does not answer, or cannot be used."""
    database = facts.seen.database
    if database.state in ("away", "troubled"):
        code = "database_away" if database.state == "away" else "database_unfit"
        doctor = facts.system.command("doctor")
        yield _wrong(code, database.since, _unfinished(facts), words=database.words, doctor=doctor)


def nobody_consumes(facts: Facts) -> Iterator[Problem]:
    """Report that no worker takes requests; those that still report wait for something."""
    if facts.depths.consumers == 0:
        worker = facts.system.command("worker")
        kind = "nobody_consumes_yet" if facts.live else "nobody_consumes"
        yield _wrong("nobody_consumes", facts.last_report, facts.depths.waiting, kind, worker=worker)


def nothing_finished(facts: Facts) -> Iterator[Problem]:
    """Report that requests wait, workers are there, and none of them finishes anything."""
    depths, since = facts.depths, _waiting_since(facts)
    if not depths.consumers or since is None or facts.now - since < PATIENCE:
        return
    if facts.flow.finished == 0:
        yield _wrong("nothing_finished", since, depths.waiting)


def waits_long(facts: Facts) -> Iterator[Problem]:
    """Report that requests wait long before it is their turn."""
    p95, waiting, finished = facts.flow.waited.p95 or 0.0, facts.depths.waiting, facts.flow.finished
    behind = waiting / finished if waiting and finished else 0.0
    if max(p95, behind) > PATIENCE:
        kind = "waits_longer" if behind > p95 else "waits_long"
        yield _wrong("waits_long", _waiting_since(facts), waiting, kind, span=float(max(p95, behind)))


def nearly_full(facts: Facts) -> Iterator[Problem]:
    """Report that the queue of requests is near its limit."""
    waiting, limit = facts.depths.waiting, facts.depths.limit
    if waiting is not None and limit is not None and waiting >= NEARLY_FULL * limit:
        yield _wrong("nearly_full", None, waiting, waiting=waiting, limit=limit)


def letters_grow(facts: Facts) -> Iterator[Problem]:
    """Report requests that were given up in the last minutes."""
    count = sum(work.letters for work in facts.lately)
    if count:
        letters = facts.system.command("letters")
        yield _wrong("letters_grow", _first_letter(facts), count, n=count, span=WHILE, letters=letters)


def retries_grow(facts: Facts) -> Iterator[Problem]:
    """Report that many attempts fail and are repeated."""
    retries, finished = (sum(getattr(work, what) for work in facts.lately) for what in ("retries", "finished"))
    if retries >= MANY_RETRIES and retries > FAILING_PART * (retries + finished):
        yield _warning("retries_grow", None, facts.depths.retrying, n=retries, span=WHILE)


def silent_workers(facts: Facts) -> Iterator[Problem]:
    """Report each worker that should have reported and did not."""
    for worker in facts.workers:
        if worker.silent and facts.seen.reports.state == "ok":
            felt = len(worker.held) or None
            yield _warning("worker_silent", worker.seen, felt, pid=str(worker.pid), host=worker.host)


def held_long(facts: Facts) -> Iterator[Problem]:
    """Report a request that was taken so long before that the watchdog will soon end its worker."""
    if facts.system.watchdog is None:
        return
    for worker in facts.live:
        old = [held for held in worker.held if facts.now - held.since > facts.system.watchdog / 2]
        if old:
            yield _warning(
                "held_long",
                old[0].since,
                len(old),
                pid=str(worker.pid),
                host=worker.host,
                action=old[0].action,
                id=old[0].id,
                span=float(facts.now - old[0].since),
                limit=float(facts.system.watchdog),
            )


def versions_differ(facts: Facts) -> Iterator[Problem]:
    """Report workers of different versions."""
    versions = {(worker.version, worker.framework): worker for worker in facts.live}
    if len(versions) > 1:
        named = ", ".join(sorted(f"{version} (leveret {framework})" for version, framework in versions))
        yield _warning("versions_differ", max(worker.started for worker in versions.values()), None, versions=named)


def reports_missing(facts: Facts) -> Iterator[Problem]:
    """Report that nobody can see what the workers do, or what the letters are."""
    for code, part in (("reports_missing", facts.seen.reports), ("index_missing", facts.seen.index)):
        if part.state in ("away", "troubled"):
            yield _warning(code, part.since, None, words=part.words, doctor=facts.system.command("doctor"))


RULES: Final[tuple[Callable[[Facts], Iterator[Problem]], ...]] = (
    broker_away,
    broker_alarm,
    database_away,
    nobody_consumes,
    nothing_finished,
    waits_long,
    nearly_full,
    letters_grow,
    held_long,
    silent_workers,
    retries_grow,
    versions_differ,
    reports_missing,
)
"""All rules, the worst first."""


def _unfinished(facts: Facts) -> int | None:
    if facts.depths.waiting is None:
        return None
    return facts.depths.waiting + sum(len(worker.held) for worker in facts.live)


def _waiting_since(facts: Facts) -> float | None:
    """Return when requests began to wait without a moment in which none did; None if none waits."""
    since = None
    for sample in reversed(facts.seen.depths):
        if not sample.waiting:
            break
        since = sample.at
    return since


def _first_letter(facts: Facts) -> float | None:
    """Return when the first worker reported the first of these letters."""
    begin = facts.now - WHILE
    first: list[float] = []
    last: dict[tuple[str, int, float], int] = {}
    for sample in sorted(facts.seen.workers, key=lambda sample: sample.at):
        before = last.get(sample.process, 0 if sample.started >= begin else sample.letters)
        if sample.at > begin and sample.letters > before:
            first.append(sample.at)
        last[sample.process] = sample.letters
    return min(first, default=None)


def _wrong(code: str, since: float | None, felt: int | None, kind: str = "", **values: Value) -> Problem:
    return Problem(code=code, kind=kind or code, values=values, weight="wrong", since=since, felt=felt)


def _warning(code: str, since: float | None, felt: int | None, **values: Value) -> Problem:
    return Problem(code=code, kind=code, values=values, weight="warning", since=since, felt=felt)
