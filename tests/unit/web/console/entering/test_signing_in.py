"""What strangers learn at the door of the console, and how many guesses they have."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from leveret import App, Context, Secret
from leveret.web.console.security.attempts import FREE_FOR_AN_ADDRESS
from leveret.web.console.site import Site
from support.consoles import browsing, enter, site_in


def logging_in() -> App:
    app = App("guestbook", health_check=False)

    @app.action("v1", "login", public=True)
    def login(context: Context, email: str, password: Secret[str]) -> str:
        return email

    app.complete()
    return app


@pytest.fixture(params=["no login", "login"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    """A site with accounts of its own, without and with a login of the application, whose broker does not answer."""
    site = site_in(tmp_path)
    return site if request.param == "no login" else replace(site, app=logging_in())


def test_the_answer_does_not_tell_whether_a_name_is_that_of_an_account(site: Site) -> None:
    with browsing(site) as browser:
        answers = [enter(browser, name, "a wrong password") for name in ("ada", "eve")]
    one, other = (re.sub(r'nonce="[^"]*"|value="(ada|eve)"', "", answer.text) for answer in answers)
    assert one == other
    assert len({answer.status_code for answer in answers}) == 1


def test_who_has_an_account_gets_no_more_guesses_for_others(site: Site) -> None:
    with browsing(site) as browser:
        for number in range(1, FREE_FOR_AN_ADDRESS):
            enter(browser, f"name {number}", "a guess of many")
            assert enter(browser, "grace").status_code == 303
        enter(browser, "the last name", "a guess of many")
        assert enter(browser, "grace").status_code != 303


def test_mistakes_of_somebody_who_is_in_are_not_held_against_the_address(site: Site) -> None:
    with browsing(site) as browser:
        for _ in range(FREE_FOR_AN_ADDRESS):
            assert enter(browser, "ada", "a mistyped password").status_code != 303
            assert enter(browser, "ada").status_code == 303
