"""The table of calls in flight, without a broker."""

import asyncio
import gc
from functools import partial

import pytest

from leveret.client.call import Call, ReceivedReply, Waiter
from leveret.client.in_flight import LONGEST_TIMEOUT, CallsInFlight
from leveret.errors import DeadlineExceeded, IdReused, LeveretError, NoAnswer, NotSent, Overloaded
from leveret.wire.codec import refusal
from support.responses import ok
from support.skipping_loop import run_skipping


def a_call(request_id: str = "i", body: bytes = b"{}", *, wants_reply: bool = True) -> Call:
    return Call(request_id, "v1.pay", body, wants_reply=wants_reply)


@pytest.mark.parametrize(
    ("attempts", "accepted", "trouble", "kind", "text"),
    [
        (0, False, None, NotSent, "v1.pay i was not sent within 5 s"),
        (0, False, "no line", NotSent, "v1.pay i was not sent within 5 s; no line"),
        (
            1,
            False,
            None,
            NoAnswer,
            "the broker has not confirmed the request, which may still be executed. Ask again with the same id",
        ),
        (
            2,
            True,
            "no line",
            NoAnswer,
            "the broker has accepted the request, which may still be executed; no line. Ask again with the same id",
        ),
    ],
)
def test_who_gives_up_is_told_how_far_the_request_came(
    attempts: int, accepted: bool, trouble: str | None, kind: type[LeveretError], text: str
) -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: trouble)
        waiter = table.join(a_call(), 5.0)
        waiter.call.attempts, waiter.call.accepted = attempts, accepted
        with pytest.raises(kind) as caught:
            await waiter.future
        assert type(caught.value) is kind
        assert str(caught.value) == (text if kind is NotSent else f"v1.pay i has no reply within 5 s: {text}")
        assert 5 <= asyncio.get_running_loop().time() < 5.1
        assert len(table) == 0

    run_skipping(main())


@pytest.mark.parametrize(("in_doubt", "kind"), [(False, NotSent), (True, NoAnswer)])
def test_what_is_refused_was_certainly_not_accepted_unless_an_earlier_attempt_is_in_doubt(
    kind: type[LeveretError], *, in_doubt: bool
) -> None:
    refused = a_call()
    refused.in_doubt = in_doubt
    error = refused.unaccepted("no room")
    assert type(error) is kind
    assert "v1.pay i was not sent" in str(error)
    assert "no room" in str(error)


@pytest.mark.parametrize(("in_doubt", "kind"), [(False, Overloaded), (True, NoAnswer)])
def test_what_finds_no_room_was_certainly_not_accepted_unless_an_earlier_attempt_is_in_doubt(
    kind: type[LeveretError], *, in_doubt: bool
) -> None:
    refused = a_call()
    refused.in_doubt = in_doubt
    error = refused.refused("api.requests", 2.5)
    assert type(error) is kind
    assert "queue 'api.requests' takes no more requests at present" in str(error)
    if isinstance(error, Overloaded):
        assert error.details == {"retry_after": 2.5}
    else:
        assert "may have been executed" in str(error)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), LONGEST_TIMEOUT + 1])
def test_a_timeout_without_an_end_is_refused(timeout: float) -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        with pytest.raises(ValueError, match="timeout"):
            table.join(a_call(), timeout)
        assert len(table) == 0

    run_skipping(main())


def test_each_caller_waits_for_its_own_time_and_the_request_for_the_longest() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        waiters = [table.join(a_call(), seconds) for seconds in (5.0, 50.0, 1.0)]
        found = await asyncio.gather(*(ended(waiter) for waiter in waiters))
        assert [round(moment) for moment in found] == [5, 50, 1]
        assert waiters[0].call is waiters[1].call is waiters[2].call
        assert waiters[0].call.expires == 50.0

    async def ended(waiter: Waiter) -> float:
        with pytest.raises(NotSent):
            await waiter.future
        return asyncio.get_running_loop().time()

    run_skipping(main())


def test_each_caller_gets_the_response_as_an_object_of_its_own() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        waiters = [table.join(a_call(), 5.0) for _ in range(2)]
        assert table.answer(waiters[0].call, ok("i", {"list": [1]}))
        one, two = [(await waiter.future).reply.data for waiter in waiters]
        one["list"].append(2)
        assert two == {"list": [1]}
        assert len(table) == 0

    run_skipping(main())


def test_each_caller_gets_an_error_of_its_own() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        waiters = [table.join(a_call(), 5.0) for _ in range(2)]
        table.fail(waiters[0].call, partial(NotSent, "no"))
        one, two = [waiter.future.exception() for waiter in waiters]
        assert isinstance(one, NotSent)
        assert isinstance(two, NotSent)
        assert one is not two

    run_skipping(main())


def test_an_id_is_free_again_when_its_last_caller_has_left() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        one, two = [table.join(a_call(), 5.0) for _ in range(2)]
        table.leave(one)
        with pytest.raises(IdReused):
            table.join(a_call(body=b"[]"), 5.0)
        table.leave(two)
        assert len(table) == 0
        other = table.join(a_call(body=b"[]"), 5.0)
        table.leave(one)  # leaving again does not change the other call with that id
        assert table.find("i") is other.call
        table.leave(other)

    run_skipping(main())


def test_a_cancelled_caller_is_left_alone_by_the_answer_of_the_same_turn() -> None:
    async def main() -> ReceivedReply:
        table = CallsInFlight(lambda: None)
        one, two = [table.join(a_call(), 5.0) for _ in range(2)]
        one.future.cancel()
        assert two.call.wanted
        table.answer(one.call, ok("i", 1))
        return await two.future

    assert run_skipping(main()).reply.data == 1


def test_an_error_for_a_caller_cancelled_in_the_same_turn_is_not_reported_as_forgotten() -> None:
    async def main() -> None:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        table = CallsInFlight(lambda: None)
        waiter = table.join(a_call(), 5.0)
        table.fail(waiter.call, partial(NotSent, "no"))
        table.leave(waiter)
        del waiter
        gc.collect()
        assert reported == []

    run_skipping(main())


def test_a_request_without_a_reply_ends_when_the_broker_has_it_and_one_with_does_not() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        told, called = table.join(a_call("a", wants_reply=False), 5.0), table.join(a_call("b"), 5.0)
        for waiter in (told, called):
            table.accept(waiter.call)
        assert told.future.done()
        assert not called.future.done()
        assert [each.id for each in table] == ["b"]
        table.leave(called)

    run_skipping(main())


def test_an_attempt_that_was_too_late_for_its_own_deadline_leaves_nothing_in_doubt() -> None:
    async def main() -> None:
        table = CallsInFlight(lambda: None)
        early = table.join(a_call(), 1.0)
        early.call.sent_until = early.call.expires
        later = table.join(a_call(), 9.0)
        late = DeadlineExceeded("too late; it was not executed")
        assert not table.answer(early.call, refusal("i", late)), "it is asked again for the later caller"
        assert isinstance(later.call.refused("api.requests", 1.0), Overloaded)
        later.call.sent_until = later.call.expires
        assert table.answer(later.call, refusal("i", late))
        assert (await later.future).reply.code == "deadline_exceeded"

    run_skipping(main())
