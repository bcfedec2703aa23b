"""Hashes of passwords."""

import unicodedata

import pytest

from leveret.web.console.security.attempts import counted_address, pause_after
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


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4,198.51.100.7:50123", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
        ("2001:db8::1:2:3:4", None, "2001:db8::/64"),
        ("10.0.0.1", "[2001:db8::9]:443", "2001:db8::/64"),
        ("::ffff:198.51.100.7", None, "198.51.100.7"),
        ("testclient", None, "testclient"),
    ],
)
def test_failures_count_for_the_address_that_the_proxy_has_seen(peer: str, forwarded: str | None, counted: str) -> None:
    assert counted_address(peer, forwarded) == counted
