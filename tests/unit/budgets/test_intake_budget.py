"""How many function calls a request may cost the worker's own code: a change that doubles them fails here."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any, cast

import pytest
import sqlalchemy as sa
from msgspec import Struct

from leveret.amqp import Delivery
from leveret.api import Api, AsyncCallNext, CallNext, Context, Runtime
from leveret.observe import Begun, Ended, Observers, Record
from leveret.observe.counters import Counters
from leveret.outcome import Answer
from leveret.topology import Topology
from leveret.wire.codec import encode_json
from leveret.wire.envelope import Reply
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import messages_of
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Work
from support.handmade_deliveries import delivery_of
from support.responses import ok
from support.serving import keyring
from taskmanager.actions import Services, app
from taskmanager.passwords import Passwords

REQUESTS = 100


class Guest(Struct, frozen=True):
    name: str
    age: int = 0


class Calls:
    """Counts calls of Python's and C's functions."""

    def __init__(self) -> None:
        self.count = 0

    def _see(self, _frame: FrameType, event: str, _argument: Any) -> None:
        self.count += event in ("call", "c_call")

    @contextmanager
    def counted(self) -> Iterator[None]:
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)


def calls_for_each(step: Callable[[int], object]) -> float:
    """Return how many calls one step takes when the caches are filled."""
    step(REQUESTS)
    calls = Calls()
    with calls.counted():
        for number in range(REQUESTS):
            step(number)
    return calls.count / REQUESTS


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords()
    yield passwords
    passwords.close()


def test_what_a_worker_does_with_a_request_stays_within_its_budget(passwords: Passwords) -> None:
    keys = keyring()
    intake = Intake(app, keys)
    jobs: Jobs = Jobs(Services(passwords, keys, timedelta(hours=1)))
    maker = OutcomeMessages(Topology("api", (timedelta(seconds=5),)), keys)
    token = keys.issue("7", timedelta(hours=1))

    def delivery(number: int) -> Delivery:
        data = {"title": "Buy milk", "description": "two bottles"}
        body = {"id": f"r{number}", "version": "v1", "action": "create_task", "data": data, "auth": token}
        return delivery_of(body, number + 1)

    deliveries = [delivery(number) for number in range(REQUESTS + 1)]
    works = [work for work in map(intake.take, deliveries) if isinstance(work, Work)]
    answers = [Answer(ok(work.request.id, {"id": 1})) for work in works]
    assert len(answers) == len(deliveries)
    taking = calls_for_each(lambda number: intake.take(deliveries[number]))
    preparing = calls_for_each(lambda number: jobs.job(works[number]))
    writing = calls_for_each(lambda number: messages_of(works[number], answers[number], maker))
    assert taking < 85, "intake: decode, check, authenticate"
    assert preparing < 25, "the job: fingerprint and what the lane needs"
    assert writing < 15, "the reply"


def test_observers_cost_a_request_nothing_while_there_are_none_that_want_it() -> None:
    """What a lane calls for a request is its action and what surrounds it, and no call more."""
    keys, some_api, connection = keyring(), Api[None](), cast("sa.Connection", None)

    @some_api.action("v1", "ping", public=True)
    def ping(context: Context[None]) -> str:
        return "pong"

    request = {"id": "a", "version": "v1", "action": "ping", "data": {}, "auth": ""}
    work = Intake(some_api, keys).take(delivery_of(request))
    assert isinstance(work, Work)
    jobs: Jobs = Jobs(None)
    job = jobs.job(work)

    def by_hand(_connection: sa.Connection) -> bytes:
        jobs.check_deadline(work)
        context = jobs.context(work, connection=connection)
        response = encode_json(Reply(work.request.id, "ok", ping(context)))
        assert len(response) < 100
        return response

    assert calls_for_each(lambda _: job.run(connection)) == calls_for_each(lambda _: by_hand(connection))
    assert job.on_end is None
    told: list[Record] = []
    observed = Jobs(None, observers=Observers([told.append])).job(work)
    assert observed.run(connection) == job.run(connection)
    assert [type(record) for record in told] == [Begun, Ended]

    counters = Counters(["v1.ping"])
    counting = Jobs(None, observers=Observers([counters]))
    not_chosen = counting.job(work)
    assert calls_for_each(lambda _: not_chosen.run(connection)) == calls_for_each(lambda _: by_hand(connection))
    assert not_chosen.on_end is None
    counters.admit([work.subject])
    assert counting.job(work).on_end is not None


def test_plain_parameters_cost_a_request_one_call_and_a_record_none() -> None:
    """One call takes the fields out of the input that was read, and the function itself is called with them."""
    record_api, plain_api, connection = Api[None](), Api[None](), cast("sa.Connection", None)

    @record_api.action("v1", "sign")
    def take(context: Context[None], guest: Guest) -> str:
        return guest.name

    @plain_api.action("v1", "sign")
    def sign(context: Context[None], name: str, age: int = 0) -> str:
        return name

    data, token = {"name": "Ada", "age": 36}, keyring().issue("7", timedelta(hours=1))
    delivery = delivery_of({"id": "a", "version": "v1", "action": "sign", "data": data, "auth": token})

    def costs(some_api: Api[None]) -> tuple[float, float]:
        intake = Intake(some_api, keyring())
        work = intake.take(delivery)
        assert isinstance(work, Work)
        job = Jobs(None).job(work)
        return calls_for_each(lambda _: intake.take(delivery)), calls_for_each(lambda _: job.run(connection))

    taking, running = costs(record_api)
    assert costs(plain_api) == (taking + 1, running)


async def test_hooks_and_resources_cost_a_request_nothing_that_does_not_use_them() -> None:
    """A resource costs no call either, because it is bound before; a hook costs the calls that lead to the function."""
    connection = cast("sa.Connection", None)

    async def cost(*, hooked: bool, named: bool) -> float:
        some_api = Api[None]()
        runtime = Runtime(some_api)
        runtime.around(hook if hooked else hook_of_others)
        runtime.resource(guest)
        some_api.action("v1", "sign", public=True)(sign_with if named else sign)
        async with runtime.opened() as opened:
            assert (opened.api.find("v1", "sign").call is sign) == (not hooked and not named)
            data = {"name": "Ada"}
            work = Intake(opened.api, keyring()).take(
                delivery_of({"id": "a", "version": "v1", "action": "sign", "data": data, "auth": ""})
            )
            assert isinstance(work, Work)
            job = Jobs(None).job(work)
            return calls_for_each(lambda _: job.run(connection))

    def hook(context: Context[None], given: Any, call_next: CallNext) -> Any:
        return call_next(context, given)

    async def hook_of_others(context: Context[None], given: Any, call_next: AsyncCallNext) -> Any: ...

    def guest() -> Guest:
        return Guest("Grace")

    def sign(context: Context[None], name: str) -> str:
        return name

    def sign_with(context: Context[None], name: str, guest: Guest) -> str:
        return name

    bare = await cost(hooked=False, named=False)
    work = Intake(api_of(sign), keyring()).take(
        delivery_of({"id": "a", "version": "v1", "action": "sign", "data": {"name": "Ada"}, "auth": ""})
    )
    assert isinstance(work, Work)
    job = Jobs(None).job(work)
    assert bare == calls_for_each(lambda _: job.run(connection)), "as without a runtime"
    assert await cost(hooked=False, named=True) == bare
    around = await cost(hooked=True, named=False) - bare
    assert around == 6, "hook, the closure before it with a context of its own (2), the one behind it, astuple"


def api_of(function: Callable[..., Any]) -> Api[None]:
    some_api = Api[None]()
    some_api.action("v1", "sign", public=True)(function)
    return some_api
