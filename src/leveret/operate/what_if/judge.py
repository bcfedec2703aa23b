"""Tries what would become of one letter: the way of a request through a worker, up to the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Delivery, Message
from leveret.api import Action
from leveret.errors import StorageBusy
from leveret.inbox.answers import find_answer
from leveret.inbox.batch import AnsweredJob, Inbox, Result
from leveret.letters.key import letter_key
from leveret.letters.letter import read_letter
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.operate.what_if.not_run import why_not_run
from leveret.operate.what_if.predictions import PredictedEnd, Prediction
from leveret.outcome import DeadLetter
from leveret.retry import RetryPolicy, decide, describe
from leveret.sql.rehearsal import RehearsalStore
from leveret.sql.shared_connection import NotUndone
from leveret.wire.codec import decode_reply
from leveret.wire.letter import LetterBody
from leveret.wire.masking import shown, without_secrets
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work

_LONGEST_NAME: Final = 100
_LONGEST_TEXT: Final = 1000
_EVERY_RETRY: Final = 2**31
"""More retries than any policy allows: what fails now is taken to fail in each of them."""


class Trial(Struct, frozen=True):
    """What a letter is tried with: the parts of a worker, whose transactions are rolled back.

    Attributes:
        redriver: makes the request as which a letter is sent again.
        intake: reads that request as a worker would, for all actions of the application.
        jobs: makes its job.
        inbox: runs the job.
        store: the inbox's.
        actions: what is run, by version and name, with their resources: those that can be undone.
        policy: the retries of actions without a policy of their own.
    """

    redriver: Redriver
    intake: Intake
    jobs: Jobs
    inbox: Inbox
    store: RehearsalStore
    actions: Mapping[str, Action]
    policy: RetryPolicy


class Judge:
    """Predicts what would become of letters, one after another, in one thread.

    Each is judged alone, against the database as it is at this moment. So of two letters that take the same unique
    value both are predicted to succeed.

    Args:
        trial: what letters are tried with.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def judge(self, delivery: Delivery, *, named: bool) -> Prediction:
        """Predict what would become of a letter if it were sent again now; nothing is changed.

        Args:
            delivery: the letter.
            named: somebody would ask for this very letter, so it would be sent although workers died on it.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        about = about_letter(delivery)
        try:
            message = self._trial.redriver.message(delivery, named=named)
        except NotRedrivable as error:
            return replace(about, end=PredictedEnd.REFUSED, why=describe(error), code=error.cause)
        item = self._trial.intake.take(arriving(message))
        if isinstance(item, Work):
            return self._try(replace(about, action=item.action.full_name), item)
        return _declined(about, item)

    def _try(self, about: Prediction, work: Work) -> Prediction:
        trial = self._trial
        action = trial.actions.get(work.action.full_name)
        if action is None:
            known = find_answer(trial.store, trial.jobs.job(work)) if work.stores else None
            return self._answered(about, known, work) if known else _not_run(about, why_not_run(work.action))
        bound = replace(work, action=action, arguments=action.arguments(work.request.data))
        result = trial.inbox.run_alone(trial.jobs.job(bound))
        return (
            self._answered(about, result, work)
            if isinstance(result, AnsweredJob)
            else self._failed(about, result, work)
        )

    def _answered(self, about: Prediction, result: AnsweredJob, work: Work) -> Prediction:
        reply = decode_reply(result.response)
        code, text = (result.code or reply.code or "", shown(reply.error or "", _LONGEST_TEXT))
        if result.replayed:
            answer = without_secrets(msgspec.json.decode(result.response), work.secrets | work.action.secrets)
            return replace(about, end=PredictedEnd.DONE, why=text, code=code, answer=answer)
        end = PredictedEnd.ANSWERED if result.code else PredictedEnd.SUCCEEDS
        return replace(about, end=end, why=text, code=code)

    def _failed(self, about: Prediction, result: Result, work: Work) -> Prediction:
        error = getattr(result, "error", None)
        if isinstance(error, NotUndone):
            return _not_run(about, describe(error), "not_undone")
        if not isinstance(error, BaseException):
            raise TypeError(f"a job that is tried alone has no such result: {result!r}")
        if isinstance(error, StorageBusy):
            return replace(about, end=PredictedEnd.UNKNOWN, why=describe(error), code="busy")
        module, policy = work.action.function.__module__, work.action.retry or self._trial.policy
        outcome = decide(error, work.request.id, _EVERY_RETRY, policy, module=module)
        return _given_up(about, outcome) if isinstance(outcome, DeadLetter) else _not_run(about, describe(error))


def about_letter(delivery: Delivery) -> Prediction:
    """Return what is known of a letter before it is tried: nothing is predicted yet."""
    letter = read_letter(delivery)
    request = letter.content.request if isinstance(letter.content, LetterBody) else None
    names = [request.get(name) for name in ("version", "action")] if isinstance(request, dict) else []
    named = ".".join(name for name in names if isinstance(name, str))
    return Prediction(
        end=PredictedEnd.UNKNOWN,
        letter=letter_key(delivery),
        id=letter.request_id,
        action=shown(named, _LONGEST_NAME),
    )


def _not_run(about: Prediction, why: str, code: str = "outside") -> Prediction:
    return replace(about, end=PredictedEnd.NOT_RUN, why=why, code=code)


def _declined(about: Prediction, item: DeclinedDelivery | RejectedRequest) -> Prediction:
    """Return what a worker would do with a request that it does not run: nobody waits, so it becomes a letter."""
    if isinstance(item, RejectedRequest):
        return replace(about, end=PredictedEnd.FAILS, why=describe(item.error), code=item.error.code)
    if isinstance(item.outcome, DeadLetter):
        return _given_up(about, item.outcome)
    return replace(about, end=PredictedEnd.UNKNOWN, why="a worker would not take it", code="not_taken")


def _given_up(about: Prediction, letter: DeadLetter) -> Prediction:
    failure = letter.failure
    return replace(
        about,
        end=PredictedEnd.FAILS,
        why=letter.attempt or letter.reason,
        code=letter.code,
        exception=failure.exception if failure else "",
        place=(failure.place or "") if failure else "",
    )


def arriving(message: Message) -> Delivery:
    """Return a message as a worker gets it."""
    return Delivery(
        consumer_tag="",
        delivery_tag=1,
        redelivered=False,
        exchange=message.exchange,
        routing_key=message.routing_key,
        properties=message.properties,
        body=message.body,
    )
