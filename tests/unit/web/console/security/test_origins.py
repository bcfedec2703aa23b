"""Which hosts and origins a console knows."""

import pytest

from leveret.web.console.security.origins import LOOPBACK, host_is_known, is_forged

OWN = "http://127.0.0.1:8807"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8807", "LOCALHOST:1", "[::1]:8807", "[::1]", "localhost."])
def test_names_of_this_machine_are_known_with_any_port(host: str) -> None:
    assert host_is_known(host, LOOPBACK)


@pytest.mark.parametrize("host", ["", "evil", "localhost.evil", "::1", "127.0.0.1:x", "127.0.0.1@evil", "[::1]evil"])
def test_other_names_are_not(host: str) -> None:
    assert not host_is_known(host, LOOPBACK)


@pytest.mark.parametrize(
    ("method", "site", "origin", "forged"),
    [
        ("GET", "cross-site", "https://evil", False),
        ("HEAD", None, None, False),
        ("POST", "same-origin", OWN, False),
        ("POST", "same-origin", None, False),
        ("POST", "same-origin", "null", False),
        ("POST", "same-origin", "https://evil", True),
        ("POST", "same-site", OWN, True),
        ("POST", "cross-site", OWN, True),
        ("POST", "none", OWN, True),
        ("POST", None, OWN, False),
        ("POST", None, "null", True),
        ("POST", None, f"{OWN}0", True),
        ("POST", None, None, True),
        ("DELETE", None, None, True),
    ],
)
def test_what_changes_something_comes_from_our_own_pages(
    method: str, site: str | None, origin: str | None, forged: bool
) -> None:
    assert is_forged(method, OWN, site=site, origin=origin) is forged
