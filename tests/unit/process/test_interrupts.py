"""Which signals interrupt a program without an event loop, and when."""

import os
import signal
import threading

import pytest

from leveret.process.interrupts import interruptible, undisturbed, uninterrupted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_interrupt_like_ctrl_c_and_only_within(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def interrupted() -> None:
        with interruptible():
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.getsignal(number) is before


def test_a_clean_up_is_not_disturbed_by_a_second_signal() -> None:
    before = signal.getsignal(signal.SIGINT)
    with undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    before, done = signal.getsignal(number), []

    def interrupted() -> None:
        with interruptible(), uninterrupted():
            os.kill(os.getpid(), number)
            done.append("made")
            os.kill(os.getpid(), number)
            done.append("noted")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["made", "noted"]
    assert signal.getsignal(number) is before


def test_an_error_in_the_block_does_not_swallow_the_interrupt() -> None:
    def interrupted() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            raise OSError("no room")

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted()
    assert isinstance(caught.value.__context__, OSError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_does_not_interrupt_keeps_its_handler() -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: handled.append(number))
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            assert handled == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_nothing_is_held_back_in_another_thread() -> None:
    done: list[bool] = []

    def work() -> None:
        with uninterrupted():
            done.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
