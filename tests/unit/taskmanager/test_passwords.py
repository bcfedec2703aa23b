import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError

from leveret.errors import Overloaded
from support.gate import GateHasher
from taskmanager.passwords import MOST_AT_ONCE, MOST_WAITING, Passwords


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


COMPOSED, DECOMPOSED = "Stra\u00dfe \u00e9\uac00", "Stra\u00dfe e\u0301\u1100\u1161"


@pytest.mark.parametrize("first", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("second", [COMPOSED, DECOMPOSED])
async def test_a_password_matches_however_a_system_composes_its_letters(
    passwords: Passwords, first: str, second: str
) -> None:
    with passwords.place() as place:
        assert await place.verify(await place.hash(first), second)


async def test_a_hash_of_before_matches_the_password_as_it_was_given(passwords: Passwords) -> None:
    kept = PasswordHasher().hash(DECOMPOSED)
    with passwords.place() as place:
        assert await place.verify(kept, DECOMPOSED)
        assert not await place.verify(kept, COMPOSED)


async def test_letters_that_only_look_alike_are_others(passwords: Passwords) -> None:
    with passwords.place() as place:
        kept = await place.hash("p\u00e4ss\ufb01")
        for other in ("p\u0430\u0308ss\ufb01", "p\u00e4ssfi", "p\u00e4SS\ufb01"):
            assert not await place.verify(kept, other)


async def test_an_unknown_user_costs_as_many_hashes_as_a_known_one_with_another_password() -> None:
    gate = GateHasher()
    with Passwords(gate) as passwords, passwords.place() as place:
        known = await place.hash("another")
        for kept in (None, known):
            before = gate.verified
            assert not await place.verify(kept, DECOMPOSED)
            assert not await place.verify(kept, COMPOSED)
            assert gate.verified == before + 3
