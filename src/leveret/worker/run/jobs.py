"""What a request needs to run: the context for its action, the job for a lane, and the response in bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import sqlalchemy as sa

from leveret.api import Context, ReadableEvents, Transactions
from leveret.errors import ResponseTooLarge
from leveret.inbox.job import AnsweredJob, Job, Result, always
from leveret.observe import Batch, Committed, Observers
from leveret.sql.event_rows import keep_event
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply
from leveret.worker.deadline import exceeded
from leveret.worker.work import Work

LARGEST_RESPONSE: Final = 8 * 1024 * 1024
"""The most bytes of a response, by default; the default limit of RabbitMQ 4 is 16 MiB for a message."""


class Jobs:
    """Makes jobs and contexts of requests.

    Args:
        services: handed to the actions.
        largest_response: the most bytes of a response.
        observers: told about attempts and commits.
        clock: POSIX time in seconds.
        event_reader: reads events for the framework's own actions.
    """

    def __init__(
        self,
        services: Any,
        *,
        largest_response: int = LARGEST_RESPONSE,
        observers: Observers | None = None,
        clock: Callable[[], float] = time.time,
        event_reader: ReadableEvents | None = None,
    ) -> None:
        self._services = services
        self._largest_response = largest_response
        self._clock = clock
        self._event_reader = event_reader
        self.observers = observers or Observers()

    def job(
        self, work: Work, run: Callable[[sa.Connection], bytes] | None = None, *, wanted: Callable[[], bool] = always
    ) -> Job:
        """Make the job that a lane runs: the action itself, or ``run`` in its place; for ``wanted`` see ``Job``."""
        request, action = work.request, work.action
        observers = self.observers
        followed = bool(observers.active or observers.sampler) and observers.follow(work.subject)

        def run_action(connection: sa.Connection) -> bytes:
            self.check_deadline(work)
            context = self.context(work, connection=connection)
            if followed:
                with self.observers.attempt(work.subject):
                    return self.response(request.id, action.call(context, *work.arguments))
            response = encode_json(Reply(request.id, "ok", action.call(context, *work.arguments)))
            return response if len(response) <= self._largest_response else self._refuse(response)

        observed = _Observed(self.observers, work, run or run_action) if followed else None
        return Job(
            work.key,
            work.fingerprint,
            request.version,
            request.action,
            work.stores,
            observed.run if observed else run or run_action,
            journal=work.delivery.redelivered and not action.is_async,
            other_fingerprints=work.other_fingerprints,
            wanted=wanted,
            reads=not (action.writes or action.secret),
            alone=action.alone,
            on_end=observed.end if observed else None,
        )

    def context(
        self, work: Work, *, connection: sa.Connection | None = None, transactions: Transactions | None = None
    ) -> Context:
        """Make the context in which the action of a request runs."""
        return Context(
            work.request,
            work.principal,
            self._services,
            datetime.fromtimestamp(self._clock(), UTC),
            retries=work.retries,
            redelivered=work.delivery.redelivered,
            connection=connection,
            transactions=transactions,
            keep_event=keep_event,
            event_reader=self._event_reader,
        )

    def response(self, request_id: str, value: Any) -> bytes:
        """Encode the response of an action that succeeded, within its transaction.

        Raises:
            ResponseTooLarge: the response is larger than responses may be.
        """
        response = encode_json(Reply(request_id, "ok", value))
        return response if len(response) <= self._largest_response else self._refuse(response)

    def _refuse(self, response: bytes) -> NoReturn:
        raise ResponseTooLarge(
            f"The response has {len(response)} bytes, and at most {self._largest_response} are sent; "
            "what the request changed was undone. Ask for less at once"
        )

    def check_deadline(self, work: Work) -> None:
        """Check the deadline once more, right before a request is first executed, because it may have waited long.

        Raises:
            DeadlineExceeded: it is too late now.
        """
        if (now := self._clock()) * 1000 > work.due:
            raise exceeded(work.delivery.properties.headers or {}, now, "Request's turn came")


class _Observed:
    """Runs a job's function, and tells the observers when what it did is committed."""

    def __init__(self, observers: Observers, work: Work, run: Callable[[sa.Connection], bytes]) -> None:
        self._observers = observers
        self._work = work
        self._run = run
        self._ran = False

    def run(self, connection: sa.Connection) -> bytes:
        self._ran = True
        return self._run(connection)

    def end(self, result: Result, batch: Batch) -> None:
        if not (self._ran and isinstance(result, AnsweredJob)) or result.replayed:
            return
        if result.code is None or (result.kept and self._work.stores):
            self._observers.tell(Committed(self._work.subject, batch=batch))
