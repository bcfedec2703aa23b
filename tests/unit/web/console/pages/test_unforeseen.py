"""An error that nobody has foreseen is a page of the console, and stands in its log."""

import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient as Browser

from leveret.web.console.building import build_console
from support.consoles import HOST, SAME_SITE, site_in


async def fail(_request: Request) -> Response:
    raise ZeroDivisionError("a secret of the program")


@pytest.mark.parametrize(("language", "said"), [("en", "nobody has foreseen"), ("ru", "никто не предвидел")])
def test_an_unforeseen_error_is_a_page_with_an_id_that_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, language: str, said: str
) -> None:
    site = site_in(tmp_path)
    console = build_console(site)
    console.router.routes.insert(0, Route("/live/broken", fail))
    with Browser(console, base_url=HOST, headers={**SAME_SITE, "accept-language": language}) as browser:
        answer = browser.get("/live/broken")
    site.store.close()
    assert (answer.status_code, said in answer.text) == (500, True)
    assert "nonce-" in answer.headers["content-security-policy"]
    assert "a secret" not in answer.text
    assert "Traceback" not in answer.text
    (name,) = re.findall(r"\b[0-9a-f]{12}\b", answer.text.partition("<main")[2])
    assert f"{name}: GET /live/broken" in caplog.text
    assert "ZeroDivisionError" in caplog.text
