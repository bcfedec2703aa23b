"""The archive while no broker answers."""

from starlette.testclient import TestClient as Browser

from leveret.letters.keeping import KeptLetter
from leveret.operate.archive import Archive
from leveret.operate.archive.archive import LetterPlace
from leveret.operate.record import Cause, open_records
from leveret.web.console.pages.archive import PAGE
from leveret.web.console.site import Site
from support.consoles import HOSTILE


def put(site: Site, *keys: str) -> None:
    with open_records(site.app, site.settings) as records:
        archive = Archive(records.store, site.settings.archive_age)
        kept = [
            KeptLetter(
                key=key,
                request=f"request-{key}",
                action="v1.sign",
                whole=True,
                size=2,
                properties_json="{}",
                body=b"{}",
            )
            for key in keys
        ]
        archive.put(Cause(by="grace", why=HOSTILE), kept)
        archive.settle(keys, LetterPlace.ARCHIVED)


def test_a_viewer_sees_the_archive_with_the_newest_first_and_changes_nothing(viewer: Browser, site: Site) -> None:
    put(site, "first", "second")
    page = viewer.get("/archive").text
    assert page.index("request-second") < page.index("request-first")
    assert "<script>alert" not in page
    assert "Only an operator may do this" in page
    assert viewer.post("/archive", data={"do": "restore", "id": "first"}).status_code == 403
    assert viewer.post("/discard", data={"id": "one"}).status_code == 403


def test_the_archive_is_filtered_and_has_pages(viewer: Browser, site: Site) -> None:
    put(site, *(f"letter-{number:03}" for number in range(PAGE + 1)))
    first = viewer.get("/archive").text
    assert "request-letter-100" in first
    assert "request-letter-000" not in first
    assert 'href="/archive?page=2"' in first
    last = viewer.get("/archive?page=2").text
    assert "request-letter-000" in last
    assert "request-letter-001" not in last
    one = viewer.get("/archive?ids=request-letter-007").text
    assert "request-letter-007" in one
    assert "request-letter-008" not in one
    assert viewer.get("/archive?newer=soon").status_code == 400
    assert viewer.get("/discard?action=sign").status_code == 403


def test_a_form_without_letters_or_button_changes_nothing(operator: Browser, site: Site) -> None:
    for path, data in (("/discard", {}), ("/archive", {"do": "restore"}), ("/archive", {"id": "x", "do": "burn"})):
        assert operator.post(path, data=data).status_code == 400
    with open_records(site.app, site.settings) as records:
        assert records.history() == []


def test_without_a_broker_nothing_moves_and_the_audit_says_that_it_was_tried(operator: Browser, site: Site) -> None:
    put(site, "first")
    for what, name in (("discard", "one"), ("restore", "first")):
        answer = operator.post("/archive", data={"do": what, "id": name, "why": "it is over"})
        assert answer.status_code == 503
        assert "The broker does not answer" in answer.text
    with open_records(site.app, site.settings) as records:
        assert [entry.what for entry in records.history()] == ["restore_ended", "restore", "discard_ended", "discard"]
        assert [each.letter for each in Archive(records.store, site.settings.archive_age).find()] == ["first"]
