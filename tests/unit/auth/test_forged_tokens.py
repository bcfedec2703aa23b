"""Every forged token is refused with one and the same answer, and every good one passes."""

import pytest

from leveret.auth.keyring import Keyring, Principal
from leveret.auth.keys import read_key_set
from leveret.errors import Unauthenticated
from support.forged_tokens import FORGED, GOOD
from support.forging import Forger
from support.tokens import ISSUER, NOW, SECRET, token, whole_key_set

TICKETS = {"a ticket without its scheme", "a ticket of a former secret"}
NO_TICKETS = {name: forge for name, forge in {**FORGED, **GOOD}.items() if name not in TICKETS}
KEYS = read_key_set(whole_key_set())


def keyring() -> Keyring:
    return Keyring(SECRET, issuer=ISSUER, keys=KEYS, clock=lambda: NOW)


def test_the_table_is_long_and_no_forgery_stands_twice() -> None:
    made = [forge(NOW) for forge in FORGED.values()]
    assert len(made) >= 150
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_every_forged_token_gets_the_same_answer(forge: Forger) -> None:
    ring = keyring()
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            ring.verify(forge(NOW))
        assert (caught.value.code, caught.value.text, caught.value.details) == (
            "unauthenticated",
            "Token missing, invalid or expired",
            None,
        )


@pytest.mark.parametrize("forge", NO_TICKETS.values(), ids=NO_TICKETS.keys())
def test_no_token_is_a_ticket(forge: Forger) -> None:
    with pytest.raises(Unauthenticated) as caught:
        keyring().read_ticket(f"Ticket {forge(NOW)}", "a1")
    assert caught.value.text == "Token missing, invalid or expired"


@pytest.mark.parametrize("forge", GOOD.values(), ids=GOOD.keys())
def test_every_good_token_passes(forge: Forger) -> None:
    ring = keyring()
    for _ in range(2):
        assert ring.verify(forge(NOW)) == Principal("7")


@pytest.mark.parametrize("kid", [None, "oct", "ed", "ec", "rsa"])
def test_no_letter_of_a_token_can_be_changed(kid: str | None) -> None:
    good, ring = token(kid), keyring()
    ring.verify(good)
    for place, letter in enumerate(good):
        changed = good[:place] + ("A" if letter != "A" else "B") + good[place + 1 :]
        with pytest.raises(Unauthenticated):
            ring.verify(changed)


@pytest.mark.parametrize("kid", [None, "oct", "ed", "rsa"])
def test_a_token_that_is_cut_anywhere_is_refused(kid: str | None) -> None:
    good, ring = token(kid), keyring()
    for length in range(len(good)):
        with pytest.raises(Unauthenticated):
            ring.verify(good[:length])
