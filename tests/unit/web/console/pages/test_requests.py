"""The page of one request while nothing answers."""

from starlette.testclient import TestClient as Browser


def test_the_page_says_what_cannot_be_known(viewer: Browser) -> None:
    assert "Enter the id of a request" in viewer.get("/request").text
    answer = viewer.get("/request", params={"id": "<b>one"})
    assert answer.status_code == 200
    assert "Nothing is known of a request &lt;b&gt;one" in answer.text
    assert "What cannot be known" in answer.text
