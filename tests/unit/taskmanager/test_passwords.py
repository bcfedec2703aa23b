import threading
from collections.abc import Iterator

import pytest
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from taskmanager.passwords import Passwords


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with Passwords() as passwords:
        yield passwords


async def test_a_password_matches_its_own_hash_and_no_other(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse 🐇")
    assert await passwords.verify(kept, "correct horse 🐇")
    assert not await passwords.verify(kept, "correct horse")
    assert await passwords.hash("correct horse 🐇") != kept


async def test_hashes_are_argon2id_with_19_mib_two_passes_and_one_lane(passwords: Passwords) -> None:
    kept = await passwords.hash("secret")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_an_unknown_user_never_matches_and_costs_the_same_hash(passwords: Passwords) -> None:
    assert not await passwords.verify(None, "secret")
    kept = await passwords.hash("secret")
    assert extract_parameters(passwords.nobodys_hash) == extract_parameters(kept)


async def test_a_kept_text_that_is_no_hash_is_an_error_and_no_match(passwords: Passwords) -> None:
    with pytest.raises(InvalidHashError):
        await passwords.verify("plain text", "plain text")


async def test_no_thread_is_left_after_closing() -> None:
    with Passwords() as passwords:
        await passwords.hash("secret")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("passwords")]
