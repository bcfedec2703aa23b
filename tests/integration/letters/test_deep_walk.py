"""Letters behind more than RabbitMQ lends to one consumer: they are reached, and those that stay keep their order."""

from leveret.amqp import Delivery, Message, Properties
from leveret.letters.walk import Decision, Drop, Keep, walk
from leveret.topology import Topology
from support.serving import Caller

COUNT = 2_600


def number(delivery: Delivery) -> int:
    return int(delivery.properties.correlation_id or "")


async def numbers_of(caller: Caller, queue: str) -> list[int]:
    """Take all letters out of the queue, and return their numbers."""
    found = []
    while (got := await caller.channel.get(queue, no_ack=True)) is not None:
        found.append(number(got.delivery))
    return found


async def test_the_last_of_many_letters_are_taken_out_and_the_others_keep_their_order(
    caller: Caller, topology: Topology
) -> None:
    queue = topology.dead_letters
    letters = [Message(b"x", queue, properties=Properties(correlation_id=str(each))) for each in range(COUNT)]
    for begin in range(0, COUNT, 500):
        assert not any(await caller.channel.publish_batch(letters[begin : begin + 500]))
    seen, taken = list[int](), list[int]()

    def decide(delivery: Delivery) -> Decision:
        seen.append(number(delivery))
        return Drop() if number(delivery) in (100, 2_500, 2_599) else Keep()

    def tell(delivery: Delivery, _: Decision) -> None:
        taken.append(number(delivery))

    assert await walk(caller.connection, topology, decide, tell, enough=lambda: bool(taken))
    assert taken == [100]
    assert seen == list(range(len(seen)))
    assert len(seen) < 200
    assert await walk(caller.connection, topology, decide, tell)
    assert taken == [100, 2_500, 2_599]
    assert await numbers_of(caller, queue) == [each for each in range(COUNT) if each not in taken]
