"""Letters of before they had a code are read as then, and what may be sent again is decided as then.

The files hold letters as a worker wrote them at that time, with the tests' secret: body, headers and correlation_id.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.amqp import Delivery, Properties
from leveret.letters.letter import read_letter, request_id
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.topology import Topology
from leveret.wire.letter import LetterBody
from support.handmade_deliveries import letter_delivery
from support.notes import note_api
from support.serving import keyring

FOLDER = Path(__file__).parent / "older_letters"
FAILED_AT = 1_767_322_445.678
TOPOLOGY = Topology("api")

SENT = ""
INCOMPLETE = "it lacks what must not be written down"
ANONYMOUS = "its caller was never authenticated"
NOT_REDRIVEN_WITH_ALL = "workers died while they ran this request, and it would kill them again"

WHY_IT_STAYS = {
    "as_short_as_can_be": INCOMPLETE,
    "deadline_exceeded": "it was refused (deadline_exceeded) for the moment only",
    "foreign_reply_to": ANONYMOUS,
    "invalid_request": ANONYMOUS,
    "lacks_a_password": INCOMPLETE,
    "overloaded": "it was refused (overloaded) for the moment only",
    "rate_limited": "it was refused (rate_limited) for the moment only",
    "retries_exhausted": SENT,
    "unauthenticated": ANONYMOUS,
    "unforeseen_error": SENT,
    "workers_died": SENT,
    "workers_died_reading": INCOMPLETE,
}


def letter(name: str) -> Delivery:
    kept = json.loads((FOLDER / f"{name}.json").read_text())
    properties = Properties(headers=kept["headers"], correlation_id=kept["correlation_id"])
    return letter_delivery(TOPOLOGY.dead_letters, properties, kept["body"].encode())


def why_it_stays(delivery: Delivery, *, named: bool) -> str:
    """The reason why a letter is not sent again, a minute after it was written; empty when it is sent."""
    redriver = Redriver(TOPOLOGY, keyring(), note_api(), retention=timedelta(days=7), clock=lambda: FAILED_AT + 60)
    try:
        message = redriver.message(delivery, named=named)
    except NotRedrivable as error:
        return str(error)
    assert message.properties.correlation_id == request_id(delivery)
    return SENT


def test_each_kind_of_letter_is_here() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == WHY_IT_STAYS.keys()


@pytest.mark.parametrize("name", WHY_IT_STAYS)
def test_an_older_letter_is_read_as_before(name: str) -> None:
    delivery = letter(name)
    body, wrote = read_letter(delivery).content, json.loads(delivery.body)
    assert isinstance(body, LetterBody)
    assert (body.failed_at, body.reason, body.request) == (wrote["failed_at"], wrote["reason"], wrote["request"])


@pytest.mark.parametrize(("name", "why"), WHY_IT_STAYS.items())
def test_an_older_letter_is_sent_again_or_stays_as_before(name: str, why: str) -> None:
    assert why_it_stays(letter(name), named=True)[: len(why) or None] == why
    with_all = NOT_REDRIVEN_WITH_ALL if name == "workers_died" else why
    assert why_it_stays(letter(name), named=False)[: len(with_all) or None] == with_all
