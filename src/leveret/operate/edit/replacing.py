"""Replaces letters by edited ones: the new letter is confirmed before the former one is acked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import structs

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.choice import Choice
from leveret.letters.edit.editor import EditedLetter
from leveret.letters.index.entries import stored_key
from leveret.letters.key import letter_key
from leveret.letters.publishing import copy_letters
from leveret.letters.removal import LetterFate, LetterReport, Taking, take_out
from leveret.letters.walk import Decision, Keep, Send
from leveret.topology import Topology
from leveret.wire.envelope import SEAL
from leveret.wire.messages import letter_copy

_OTHER: Final = "it is not the letter that was looked at: edit it again"
_COPIED_AT_ONCE: Final = 200


async def replace_letters(
    url: str, topology: Topology, edits: Sequence[EditedLetter], tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Put edited letters into the queue, and take the former ones out; the order of the letters may change.

    A crash between the two leaves both. Their requests have the same id, so one of them has its effect, whichever is
    sent again first.

    Args:
        url: the broker.
        topology: names the queue.
        edits: the letters with their new data.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
    """
    planned = {each.key: each for each in edits}
    done: list[Delivery] = []

    def decide(delivery: Delivery) -> Decision:
        edit = planned[stored_key(letter_key(delivery))]
        if delivery.body != edit.former:
            return Keep(_OTHER)
        return Send(letter_copy(_replaced(delivery, edit), topology.dead_letters))

    def taken(delivery: Delivery) -> None:
        done.append(_replaced(delivery, planned[stored_key(letter_key(delivery))]))

    choice = Choice(keys=frozenset(planned))
    report = await take_out(url, topology, choice, Taking(decide, tell, "edited", taken=taken))
    if done and topology.streams:
        async with connected(url) as connection:
            channel = await connection.channel(confirms=True)
            for begin in range(0, len(done), _COPIED_AT_ONCE):
                await connection.writable()
                await copy_letters(channel, topology, done[begin : begin + _COPIED_AT_ONCE])
            await channel.close()
    gone = len(planned) - report.done - report.kept
    return structs.replace(report, complete=report.complete and gone <= 0)


def _replaced(former: Delivery, edit: EditedLetter) -> Delivery:
    """Return the edited letter with what the queue says of the former one, such as how it died."""
    own = edit.letter.properties
    headers = {**(former.properties.headers or {}), SEAL: (own.headers or {})[SEAL]}
    properties = structs.replace(former.properties, headers=headers, message_id=own.message_id)
    return structs.replace(former, properties=properties, body=edit.letter.body)
