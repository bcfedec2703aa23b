"""Whether a letter may be sent again is decided on its fields, whatever its reason says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from leveret.amqp import Delivery, Properties
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.topology import Topology
from leveret.wire.attempts import Attempt
from leveret.wire.codec import encode_json
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.letter import LetterBody
from support.handmade_deliveries import letter_delivery
from support.notes import note_api
from support.serving import keyring

TOPOLOGY = Topology("api")
REQUEST = {"id": "a", "version": "v1", "action": "write", "data": {"text": "x"}}
DEADLY = "3 workers died while they ran this request"


def why_it_stays(*, named: bool, code: str, reason: str) -> str | None:
    """The reason why a letter is not sent again; None when it is."""
    letter = LetterBody(datetime.now(UTC).isoformat(), reason, REQUEST, {}, code=code)
    delivery = sealed(encode_json(letter))
    redriver = Redriver(TOPOLOGY, keyring(), note_api(), retention=timedelta(days=7))
    try:
        redriver.message(delivery, named=named)
    except NotRedrivable as error:
        return str(error)
    return None


def sealed(body: bytes) -> Delivery:
    seal = keyring().seal_letter(TOPOLOGY.dead_letters, "7", body)
    properties = Properties(headers={PRINCIPAL: "7", SEAL: seal})
    return letter_delivery(TOPOLOGY.dead_letters, properties, body)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    "reason", [f"retries exhausted: {DEADLY}", DEADLY, "rate_limited: later", "deadline_exceeded: late", ""]
)
def test_a_letter_is_sent_again_whatever_the_error_in_its_reason_looks_like(reason: str, named: bool) -> None:
    assert why_it_stays(named=named, code="retries_exhausted", reason=reason) is None


@pytest.mark.parametrize("reason", [DEADLY, "in other words"])
def test_a_request_that_workers_died_on_is_sent_only_when_it_is_named(reason: str) -> None:
    assert why_it_stays(named=True, code="workers_died", reason=reason) is None
    assert "name it by its id" in (why_it_stays(named=False, code="workers_died", reason=reason) or "")


@pytest.mark.parametrize("code", ["rate_limited", "overloaded", "deadline_exceeded"])
@pytest.mark.parametrize("reason", ["retries exhausted: x", DEADLY, ""])
def test_a_request_that_was_refused_for_the_moment_stays(code: str, reason: str) -> None:
    assert f"it was refused ({code}) for the moment only" in (why_it_stays(named=True, code=code, reason=reason) or "")


OTHERWISE: dict[str, Any] = {
    "message_id": "another id",
    "code": "retries_exhausted",
    "exception": "ValueError",
    "place": "shop/sell.py:8",
    "attempts": [],
}


@pytest.mark.parametrize("field", OTHERWISE)
def test_the_seal_covers_each_field(field: str) -> None:
    """Whoever could change a letter's code could have workers killed again, or an effect twice."""
    letter = LetterBody(
        *(datetime.now(UTC).isoformat(), "why", REQUEST, {}),
        message_id="id",
        code="workers_died",
        exception="KeyError",
        place="shop/sell.py:7",
        attempts=[Attempt("now", "worker 1", "KeyError")],
    )
    delivery = sealed(encode_json(letter))
    changed = encode_json(replace(letter, **{field: OTHERWISE[field]}))
    redriver = Redriver(TOPOLOGY, keyring(), note_api(), retention=timedelta(days=7))
    redriver.message(delivery, named=True)
    with pytest.raises(NotRedrivable, match="no seal"):
        redriver.message(replace(delivery, body=changed), named=True)
