"""Copies of letters that wait for their stream."""

from leveret.amqp import Message
from leveret.worker.leave.waiting_copies import AT_ONCE, MOST_BYTES, MOST_COPIES, TRIES, WaitingCopies


def copies(count: int, size: int = 1) -> list[Message]:
    return [Message(number.to_bytes(2, "big") * size, "stream") for number in range(count)]


def waiting(count: int, size: int = 1) -> WaitingCopies:
    made = WaitingCopies()
    made.add(copies(count, size))
    return made


def test_they_go_in_their_order_and_many_together() -> None:
    made = waiting(AT_ONCE + 1)
    assert made.next() == copies(AT_ONCE)
    made.done(AT_ONCE)
    assert made.next() == copies(AT_ONCE + 1)[-1:]
    made.done(1)
    assert not made
    assert made.next() == []


def test_no_more_wait_than_fit() -> None:
    assert (len(waiting(MOST_COPIES + 3)), waiting(MOST_COPIES + 3).left_out) == (MOST_COPIES, 3)
    made = waiting(3, MOST_BYTES // 4)
    assert (len(made), made.left_out) == (2, 1)
    made.done(1)
    made.add(copies(1, MOST_BYTES // 4))
    assert (len(made), made.left_out) == (2, 1)


def test_after_a_failure_the_oldest_one_goes_alone_and_is_left_out_when_it_fails_again_and_again() -> None:
    made = waiting(2)
    for tried in range(TRIES):
        made.failed()
        assert made.next() == copies(1), tried
    made.failed()
    assert made.next() == copies(2)[1:]
    assert made.left_out == 1


def test_what_is_published_ends_the_suspicion() -> None:
    made = waiting(3)
    made.failed()
    made.done(1)
    assert made.next() == copies(3)[1:]


def test_all_can_be_left_out() -> None:
    made = waiting(3)
    made.leave_out()
    assert (len(made), made.left_out) == (0, 3)
