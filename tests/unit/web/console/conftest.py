"""A console without a broker, and browsers that have signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient as Browser

from leveret.web.console.site import Site
from support.consoles import browsing, enter, site_in


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_in(tmp_path)


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """A browser of nobody."""
    with browsing(site) as browser:
        yield browser


@pytest.fixture
def operator(browser: Browser) -> Browser:
    assert enter(browser, "ada").status_code == 303
    return browser


@pytest.fixture
def viewer(browser: Browser) -> Browser:
    assert enter(browser, "grace").status_code == 303
    return browser
