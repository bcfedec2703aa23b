"""The idempotent batch: what is known is answered from its row, what is new runs, and its response is stored.

Effect, idempotency row and stored response are one transaction, shared by all requests of a batch. One request never
costs another its effect: when anything fails after it wrote, the batch is rolled back and each request runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from warren.codec import MOST_RESPONSE_BYTES, refusal
from warren.errors import IdReused, RequestError, StorageUnavailable
from warren.store import Key, KeyTaken, Row, Store, Stored, Transaction

C = TypeVar("C")

MOST_DEATHS = 3
"""So many workers may die on one request before it is given up."""

SURVIVED: Final = (Exception, SystemExit, KeyboardInterrupt)
"""What an action may raise without ending more than its own attempt."""


def always() -> bool:
    """Say yes; the ``wanted`` of a job that nobody calls off."""
    return True


class Job(Struct, Generic[C], frozen=True):
    """One request, ready to run in a transaction.

    Attributes:
        key: principal and request id.
        fingerprint: digest of version, action and data.
        version: for the row.
        action: for the row.
        stores: its response is stored and repeated.
        run: makes the response out of a connection; may raise.
        started: when it began, UTC.
        journal: it was delivered before and its worker may have died: run it alone, after its attempt was committed.
        other_fingerprints: what the fingerprint is with another secret, which a row may have been written with.
        wanted: asked right before it begins, in the lane's thread; when nobody wants it any more, it does not begin.
    """

    key: Key
    fingerprint: bytes
    version: str
    action: str
    stores: bool
    run: Callable[[C], bytes]
    started: datetime
    journal: bool = False
    other_fingerprints: tuple[bytes, ...] = ()
    wanted: Callable[[], bool] = always


class Answered(Struct, frozen=True):
    """The job has a response.

    Attributes:
        response: the encoded reply.
        code: an error's code.
        replayed: it is a stored one.
        kept: it is the answer to this request for good, see ``RequestError.kept``.
        counted: it still stands in the crash journal, although no worker died: its row could not be removed.
    """

    response: bytes
    code: str | None = None
    replayed: bool = False
    kept: bool = True
    counted: bool = False


class Failed(Struct, frozen=True):
    """The attempt failed and nothing of it was kept.

    Attributes:
        error: why.
        counted: it stands in the crash journal, although no worker died: an outage ended it, or its row could not be
            removed.
    """

    error: BaseException
    counted: bool = False


class Deadly(Struct, frozen=True):
    """Workers died on this request; it was not run again."""

    deaths: int


Result = Answered | Failed | Deadly

Part = list[tuple[Job[Any], Result]]
"""Jobs of a batch that came to their end together."""


class _NotTogether(Exception):
    """The jobs of this batch cannot share a transaction."""


class _NotWanted(Exception):
    """Nobody waits for this job any more; it did not begin."""


def run_batch(store: Store[C], jobs: Sequence[Job[C]]) -> Iterator[Part]:
    """Run jobs in one transaction where that costs none of them its effect, and one by one where not.

    Yields:
        Jobs and their results as soon as they are final: one part for a shared transaction, one for each job alone.

    Raises:
        StorageUnavailable: the database does not answer; what was committed and not yielded is found by the next
            delivery.
    """
    yield from _run_together(store, [job for job in jobs if not job.journal])
    outage: Result | None = None
    for job in jobs:
        if job.journal:
            result = outage or _run_journaled(store, job)
            if isinstance(result, Failed) and isinstance(result.error, StorageUnavailable):
                outage = Failed(result.error)  # the others need not even begin
            yield [(job, result)]


def run_alone(store: Store[C], job: Job[C]) -> Result:
    """Run one job in a transaction of its own.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    return _unless_taken(lambda: _run_once(store, job)) if job.wanted() else Failed(_NotWanted())


def _run_once(store: Store[C], job: Job[C]) -> Result:
    try:
        with store.begin(writes=job.stores or job.journal) as transaction:
            return _answer_one(transaction, job)
    except RequestError as error:
        return _store_refusal(store, job, error) if job.stores and error.kept else _refused(job, error)


def _unless_taken(attempt: Callable[[], Result]) -> Result:
    """Attempt again when another worker answered the same request meanwhile: its row is found then."""
    for _ in range(3):
        try:
            return attempt()
        except KeyTaken as error:
            taken = error
        except StorageUnavailable:
            raise
        except SURVIVED as error:  # whatever an action raises becomes a value that the retry policy decides on
            return Failed(error)
    return Failed(taken)


def _run_together(store: Store[C], jobs: Sequence[Job[C]]) -> Iterator[Part]:
    while len(jobs) > 1 and (results := _share(store, jobs)):
        yield list(zip(jobs, results, strict=False))
        jobs = jobs[len(results) :]
    for job in jobs:
        yield [(job, run_alone(store, job))]


def _share(store: Store[C], jobs: Sequence[Job[C]]) -> list[Result] | None:
    """Run jobs in one transaction, the first ones where responses are large; None when they cannot share one."""
    try:
        with store.begin(writes=any(job.stores for job in jobs)) as transaction:
            return _answer_all(transaction, store, jobs)
    except StorageUnavailable:
        raise
    except Exception:  # whatever it was, each job meets it again alone, where it is handled
        return None


def _answer_all(transaction: Transaction[C], store: Store[C], jobs: Sequence[Job[C]]) -> list[Result]:
    transaction.gather(len(jobs))
    known = dict(transaction.find([job.key for job in jobs if job.stores]))
    rows: list[Row] = []
    results: list[Result] = []
    size = 0
    for job in jobs:
        stored = known.get(job.key) if job.stores else None
        results.append(result := repeat(job, stored) if stored else _attempt(transaction, store, job))
        if isinstance(result, Answered):
            if job.stores and result.kept and not stored:
                known[job.key] = Stored(job.fingerprint, result.response)
                rows.append(_row(job, result.response))
            if (size := size + len(result.response)) >= MOST_RESPONSE_BYTES:
                break
    if rows:
        transaction.save(rows)
    return results


def _attempt(transaction: Transaction[C], store: Store[C], job: Job[C]) -> Result:
    if not job.wanted():
        return Failed(_NotWanted())
    before = transaction.touched
    try:
        return Answered(job.run(transaction.connection))
    except SURVIVED as error:
        if transaction.touched != before:
            raise _NotTogether from error
        if isinstance(error, RequestError):
            return _refused(job, error)
        translated = store.translate(error)
        if isinstance(translated, StorageUnavailable):
            raise translated from error
        return Failed(translated)


def _answer_one(transaction: Transaction[C], job: Job[C]) -> Answered:
    if job.journal:
        transaction.forget_deaths(job.key)
    if not job.stores:
        return Answered(job.run(transaction.connection))
    if stored := transaction.find([job.key]).get(job.key):
        return repeat(job, stored)
    response = job.run(transaction.connection)
    transaction.save([_row(job, response)])
    return Answered(response)


def _store_refusal(store: Store[C], job: Job[C], error: RequestError) -> Answered:
    """Keep the refusal after the refused attempt was rolled back; another worker may have been faster."""
    answer = _refused(job, error)
    with store.begin(writes=True) as transaction:
        if job.journal:
            transaction.forget_deaths(job.key)
        if stored := transaction.find([job.key]).get(job.key):
            return repeat(job, stored)
        transaction.save([_row(job, answer.response)])
        return answer


def _run_journaled(store: Store[C], job: Job[C]) -> Result:
    """Run a request that a worker may have died on, alone, after its attempt was committed; never raises an error."""
    if not job.wanted():
        return Failed(_NotWanted())
    try:
        deaths = store.count_attempt(job.key)
    except Exception as error:  # it did not run, and earlier deaths stay what they are
        return Failed(error)
    if deaths >= MOST_DEATHS:
        return _repeat_or_give_up(store, job)
    try:
        result = run_alone(store, replace(job, wanted=always))
    except StorageUnavailable as error:
        return Failed(error, counted=True)
    survived_uncommitted = isinstance(result, Failed) or (isinstance(result, Answered) and result.code is not None)
    return _forget_deaths(store, job, result) if survived_uncommitted else result


def _repeat_or_give_up(store: Store[C], job: Job[C]) -> Result:
    """End a request that workers died on: it may have been answered all the same, and then it is answered again."""
    try:
        known = find_answer(store, job) if job.stores else None
    except Exception as error:
        return Failed(error, counted=isinstance(error, StorageUnavailable))
    return _forget_deaths(store, job, known) if known else Deadly(MOST_DEATHS)  # the entry goes when the letter is safe


def find_answer(store: Store[C], job: Job[C]) -> Answered | None:
    """Look up how a request was answered before; None when it was not."""
    with store.begin(writes=False) as transaction:
        stored = transaction.find([job.key]).get(job.key)
    return repeat(job, stored) if stored else None


def _forget_deaths(store: Store[C], job: Job[C], result: Result) -> Result:
    """Remove a request from the journal; where that fails its result stands all the same, and says so."""
    try:
        with store.begin(writes=True) as transaction:
            transaction.forget_deaths(job.key)
    except Exception:
        return replace(result, counted=True)
    return result


def repeat(job: Job[Any], stored: Stored) -> Answered:
    """Answer a job from the row of its key: with the stored response, or with ``id_reused`` for another request."""
    if stored.fingerprint == job.fingerprint or stored.fingerprint in job.other_fingerprints:
        return Answered(stored.response, replayed=True)
    return _refused(job, IdReused(f"Request id {job.key.id!r} was used before with another version, action or data"))


def _refused(job: Job[Any], error: RequestError) -> Answered:
    return Answered(refusal(job.key.id, error), error.code, kept=error.kept)


def _row(job: Job[Any], response: bytes) -> Row:
    return Row(job.key, job.fingerprint, job.version, job.action, response, job.started)
