"""Hashes of passwords."""

import unicodedata

from leveret.web.console.security.attempts import pause_after
from leveret.web.console.security.passwords import LONGEST, hash_password, matches, why_refused


def test_a_hash_fits_its_password_and_no_other() -> None:
    kept = hash_password("correct horse battery")
    assert matches(kept, "correct horse battery")
    assert not matches(kept, "correct horse batterz")
    assert "correct" not in kept


def test_letters_are_the_same_however_a_keyboard_composes_them() -> None:
    kept = hash_password("Zwölf Boxkämpfer")
    assert matches(kept, unicodedata.normalize("NFD", "Zwölf Boxkämpfer"))


def test_nobody_has_the_password_of_an_account_that_does_not_exist() -> None:
    assert not matches(None, "")


def test_a_new_password_is_neither_short_nor_a_book() -> None:
    assert why_refused("short")
    assert why_refused("x" * (LONGEST + 1))
    assert why_refused("correct horse battery") is None


def test_the_pause_doubles_behind_the_failures_that_are_free_and_has_an_end() -> None:
    assert [pause_after(count, 3) for count in (0, 2, 3, 4, 5)] == [0, 0, 2, 4, 8]
    assert pause_after(10_000) == 900
