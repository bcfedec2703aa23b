"""What counts as wrong: one function for each rule, the worst first. Each looks at facts and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from leveret.operate.overview.facts import Facts
from leveret.operate.overview.records import Problem, WorkerLine
from leveret.operate.overview.system import WHILE
from leveret.operate.overview.words import shown_seconds
from leveret.wire.words import counted

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
        yield Problem(
            code="broker_away",
            weight="wrong",
            text=f"The broker does not answer: {broker.words}",
            since=broker.since,
            felt=None,
            advice="Start it, or repair the network. Callers wait and ask again; workers go on by themselves. "
            f"`{facts.system.command('doctor')}` says more.",
        )


def broker_alarm(facts: Facts) -> Iterator[Problem]:
    """Report an alarm of the broker."""
    broker = facts.seen.broker
    if broker.state == "troubled":
        yield Problem(
            code="broker_alarm",
            weight="wrong",
            text=f"The broker takes no messages: {broker.words}",
            since=broker.since,
            felt=facts.depths.waiting,
            advice="Free memory or disk at the broker. Nothing is lost: callers and workers wait and go on.",
        )


def database_away(facts: Facts) -> Iterator[Problem]:
    """Report a database that does not answer."""
    database = facts.seen.database
    if database.state in ("away", "troubled"):
        away = database.state == "away"
        yield Problem(
            code="database_away" if away else "database_unfit",
            weight="wrong",
            text=f"The database {'does not answer' if away else 'cannot be used'}: {database.words}",
            since=database.since,
            felt=_unfinished(facts),
            advice="Repair it; workers put requests back, count no attempt, and go on by themselves."
            if away
            else f"`{facts.system.command('doctor')}` says what to do.",
        )


def nobody_consumes(facts: Facts) -> Iterator[Problem]:
    """Report that no worker takes requests."""
    if facts.depths.consumers == 0:
        yield Problem(
            code="nobody_consumes",
            weight="wrong",
            text="No worker takes requests",
            since=facts.last_report,
            felt=facts.depths.waiting,
            advice=f"Start workers: `{facts.system.command('worker')}`. If some run, their log says why they wait.",
        )


def nothing_finished(facts: Facts) -> Iterator[Problem]:
    """Report that requests wait, workers are there, and none of them finishes anything."""
    depths, since = facts.depths, _waiting_since(facts)
    if not depths.consumers or since is None or facts.now - since < PATIENCE:
        return
    if facts.flow.finished == 0:
        yield Problem(
            code="nothing_finished",
            weight="wrong",
            text="Requests wait, and the workers finish none",
            since=since,
            felt=depths.waiting,
            advice="Look at what they have in hand below, and at locks in the database.",
        )


def waits_long(facts: Facts) -> Iterator[Problem]:
    """Report that requests wait long before it is their turn."""
    p95, waiting, finished = facts.flow.waited.p95, facts.depths.waiting, facts.flow.finished
    behind = waiting / finished if waiting and finished else 0.0
    if max(p95 or 0.0, behind) > PATIENCE:
        text = (
            f"Requests wait too long: those that come now have to wait about {shown_seconds(behind)}"
            if behind > (p95 or 0.0)
            else f"Requests wait too long: one of twenty waited {shown_seconds(p95 or 0.0)} or longer"
        )
        yield Problem(
            code="waits_long",
            weight="wrong",
            text=text,
            since=_waiting_since(facts),
            felt=waiting,
            advice="Start more worker processes, or find out why more requests come than usual.",
        )


def nearly_full(facts: Facts) -> Iterator[Problem]:
    """Report that the queue of requests is near its limit."""
    waiting, limit = facts.depths.waiting, facts.depths.limit
    if waiting is not None and limit is not None and waiting >= NEARLY_FULL * limit:
        yield Problem(
            code="nearly_full",
            weight="wrong",
            text=f"The queue holds {waiting} of {limit} requests; when it is full, callers are told `overloaded`",
            since=None,
            felt=waiting,
            advice="Start more worker processes, or find out who sends so much.",
        )


def letters_grow(facts: Facts) -> Iterator[Problem]:
    """Report requests that were given up in the last minutes."""
    count = sum(work.letters for work in facts.lately)
    if count:
        were = "was" if count == 1 else "were"
        yield Problem(
            code="letters_grow",
            weight="wrong",
            text=f"{counted(count, 'request')} {were} given up in the last {shown_seconds(WHILE)}",
            since=_first_letter(facts),
            felt=count,
            advice=f"`{facts.system.command('letters')}` shows why; repair the cause, then send them again.",
        )


def retries_grow(facts: Facts) -> Iterator[Problem]:
    """Report that many attempts fail and are repeated."""
    retries, finished = (sum(getattr(work, what) for work in facts.lately) for what in ("retries", "finished"))
    if retries >= MANY_RETRIES and retries > FAILING_PART * (retries + finished):
        yield Problem(
            code="retries_grow",
            weight="warning",
            text=f"{retries} attempts failed in the last {shown_seconds(WHILE)} and are repeated",
            since=None,
            felt=facts.depths.retrying,
            advice="The workers' log says why, in lines with `retry #`. What still fails after them becomes a letter.",
        )


def silent_workers(facts: Facts) -> Iterator[Problem]:
    """Report each worker that should have reported and did not."""
    for worker in facts.workers:
        if worker.silent and facts.seen.reports.state == "ok":
            yield Problem(
                code="worker_silent",
                weight="warning",
                text=f"{_named(worker)} does not report any more",
                since=worker.seen,
                felt=len(worker.held) or None,
                advice="It was killed, its machine is away, or it hangs: look at its log. "
                "What it had in hand is delivered to others.",
            )


def held_long(facts: Facts) -> Iterator[Problem]:
    """Report a request that was taken so long before that the watchdog will soon end its worker."""
    if facts.system.watchdog is None:
        return
    for worker in facts.live:
        old = [held for held in worker.held if facts.now - held.since > facts.system.watchdog / 2]
        if old:
            long = shown_seconds(facts.now - old[0].since)
            yield Problem(
                code="held_long",
                weight="warning",
                text=f"{_named(worker)} has had {old[0].action} {old[0].id} in hand for {long}",
                since=old[0].since,
                felt=len(old),
                advice="Find out what it waits for: a service without a timeout, or a lock in the database. "
                f"After {shown_seconds(facts.system.watchdog)} the watchdog may end that worker.",
            )


def versions_differ(facts: Facts) -> Iterator[Problem]:
    """Report workers of different versions."""
    versions = {(worker.version, worker.framework): worker for worker in facts.live}
    if len(versions) > 1:
        named = ", ".join(sorted(f"{version} on leveret {framework}" for version, framework in versions))
        yield Problem(
            code="versions_differ",
            weight="warning",
            text=f"The workers have different versions: {named}",
            since=max(worker.started for worker in versions.values()),
            felt=None,
            advice="While you deploy this is right. Otherwise stop the old ones.",
        )


def reports_missing(facts: Facts) -> Iterator[Problem]:
    """Report that nobody can see what the workers do, or what the letters are."""
    for code, part, what in (
        ("reports_missing", facts.seen.reports, "What the workers do cannot be seen"),
        ("index_missing", facts.seen.index, "The letters cannot be searched"),
    ):
        if part.state in ("away", "troubled"):
            yield Problem(
                code=code,
                weight="warning",
                text=f"{what}: {part.words}",
                since=part.since,
                felt=None,
                advice=f"`{facts.system.command('doctor')}` says what to do. Requests are served all the same.",
            )


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


def _named(worker: WorkerLine) -> str:
    return f"The worker {worker.pid} on {worker.host}"
