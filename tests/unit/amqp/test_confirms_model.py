"""Confirms are kept as ranges, and a model keeps one entry for each message. Both must agree, whatever comes."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leveret.amqp import ConnectionLost, Message, Properties, ProtocolError
from leveret.amqp.confirms import Confirms, Verdicts
from leveret.amqp.message import Confirmation, ReturnedMessage


class Model:
    """The verdict on each message, by its number, and the numbers that are open."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.said: dict[int, str] = {}
        self.batches: list[range] = []
        self.next = 1

    def publish(self, count: int) -> None:
        numbers = range(self.next, self.next + count)
        self.batches.append(numbers)
        self.open |= set(numbers)
        self.next += count

    def settle(self, last: int, *, multiple: bool, accepted: bool) -> None:
        for number in sorted(self.open):
            if number == last or (multiple and (not last or number < last)):
                self.open.discard(number)
                if not accepted:
                    self.said[number] = "Refused"

    def returned(self, number: int) -> bool:
        if number in self.open:
            self.said[number] = "Unroutable"
        return number in self.open

    def verdicts(self, unknown: str) -> list[list[str] | None]:
        """Return the verdicts of each batch; None for a batch that is open, when `unknown` is empty."""
        return [
            None
            if not unknown and self.open & set(numbers)
            else [self.said.get(number, unknown if number in self.open else "ok") for number in numbers]
            for numbers in self.batches
        ]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 5)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.booleans(), st.booleans()),
        st.tuples(st.just("run"), st.integers(1, 9), st.integers(1, 6)),
        st.tuples(st.just("return"), st.integers(0, 9)),
    ),
    max_size=40,
)


def names(future: "asyncio.Future[Verdicts]") -> list[str] | None:
    return [type(verdict).__name__ if verdict else "ok" for verdict in future.result()] if future.done() else None


def take(step: tuple[Any, ...], confirms: Confirms, model: Model, futures: "list[asyncio.Future[Verdicts]]") -> None:
    if step[0] == "publish":
        futures.append(confirms.open([Message(b"", "k")] * step[1]))
        model.publish(step[1])
    elif step[0] == "return":
        event = ReturnedMessage(step[1], 312, "NO_ROUTE", "x", "k", Properties(), b"")
        assert confirms.returned(event) == model.returned(step[1])
    elif step[0] == "run":
        _, first, more = step
        settle(Confirmation(first + more, multiple=False, accepted=True, first=first), confirms, model)
    else:
        settle(Confirmation(*step[1:]), confirms, model)


def settle(event: Confirmation, confirms: Confirms, model: Model) -> None:
    last, multiple = event.delivery_tag, event.multiple
    try:
        confirms.settle(event)
    except ProtocolError:
        assert last >= model.next or not (last or multiple)
    else:
        assert last < model.next
        for number in range(event.first or last, last + 1):
            model.settle(number, multiple=multiple, accepted=event.accepted)


@settings(deadline=None, max_examples=500)
@given(steps)
def test_ranges_say_what_one_entry_for_each_message_says(taken: list[tuple[Any, ...]]) -> None:
    async def main() -> None:
        confirms, model = Confirms(60), Model()
        futures: list[asyncio.Future[Verdicts]] = []
        for step in taken:
            take(step, confirms, model, futures)
            assert [names(future) for future in futures] == model.verdicts("")
            assert len(confirms._batches) == sum(1 for numbers in model.batches if model.open & set(numbers))
        confirms.end(ConnectionLost("over"))
        assert [names(future) for future in futures] == model.verdicts("ConnectionLost")

    asyncio.run(main())
