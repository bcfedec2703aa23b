import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from support.gate import GateHasher
from taskmanager.passwords import MOST_AT_ONCE, MOST_WAITING, Passwords
from warren.errors import Overloaded


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with Passwords() as passwords:
        yield passwords


async def test_a_password_matches_its_own_hash_and_no_other(passwords: Passwords) -> None:
    with passwords.place() as place:
        kept = await place.hash("correct horse 🐇")
        assert await place.verify(kept, "correct horse 🐇")
        assert not await place.verify(kept, "correct horse")
        assert await place.hash("correct horse 🐇") != kept


async def test_hashes_are_argon2id_with_19_mib_two_passes_and_one_lane(passwords: Passwords) -> None:
    with passwords.place() as place:
        assert (await place.hash("secret")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_an_unknown_user_never_matches_and_costs_the_same_hash(passwords: Passwords) -> None:
    with passwords.place() as place:
        assert not await place.verify(None, "secret")
        kept = await place.hash("secret")
    assert extract_parameters(passwords.nobodys_hash) == extract_parameters(kept)


async def test_a_kept_text_that_is_no_hash_is_an_error_and_no_match(passwords: Passwords) -> None:
    with passwords.place() as place, pytest.raises(InvalidHashError):
        await place.verify("plain text", "plain text")


def test_a_place_beyond_those_that_wait_is_refused_at_once_and_given_back_at_the_end(passwords: Passwords) -> None:
    with ExitStack() as places:
        for _ in range(MOST_AT_ONCE + MOST_WAITING):
            places.enter_context(passwords.place())
        with pytest.raises(Overloaded) as refused, passwords.place():
            pass
        assert refused.value.details == {"retry_after": 1.0}
    with passwords.place():
        pass


async def test_no_more_than_two_hashes_run_at_once() -> None:
    gate = GateHasher()
    with Passwords(gate) as passwords, ExitStack() as places:
        gate.closed = True
        taken = [places.enter_context(passwords.place()) for _ in range(6)]
        waiting = [asyncio.create_task(place.verify(None, "secret")) for place in taken]
        await asyncio.to_thread(gate.wait_for, 2)
        gate.open()
        await asyncio.gather(*waiting)
    assert (gate.most_at_once, gate.verified) == (2, 6)


async def test_no_thread_is_left_after_closing() -> None:
    with Passwords() as passwords, passwords.place() as place:
        await place.hash("secret")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("passwords")]
