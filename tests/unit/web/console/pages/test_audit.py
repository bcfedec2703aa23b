"""The audit and the notes of groups, while no broker answers."""

from typing import Any

import pytest
from starlette.testclient import TestClient as Browser

from leveret.operate.record import Cause, open_records
from leveret.web.console.pages.audit import PAGE
from leveret.web.console.site import Site
from support.consoles import HOSTILE, enter

NOTE = {"group": "abc123", "state": "mended", "note": "the disk was full", "incident": "disk-7", "next": "/letters"}


def audit(site: Site) -> list[Any]:
    with open_records(site.app, site.settings) as records:
        return [(each.by_whom, each.what, each.incident) for each in records.history()]


def test_a_note_of_a_group_is_kept_and_on_record_as_the_command_does_it(operator: Browser, site: Site) -> None:
    answer = operator.post("/letters/note", data=NOTE)
    assert answer.headers["location"] == "/letters#group-abc123"
    with open_records(site.app, site.settings) as records:
        note = records.notes()["abc123"]
    assert (note.state, note.note, note.by_whom) == ("mended", "the disk was full", "ada (console)")
    assert audit(site) == [("ada (console)", "note", "disk-7")]
    page = operator.get("/audit").text
    assert "ada (console)" in page
    assert "the disk was full" in page
    assert 'href="/audit?incident=disk-7"' in page


def test_a_viewer_reads_the_audit_and_writes_nothing(viewer: Browser, site: Site) -> None:
    assert viewer.get("/audit").status_code == 200
    assert viewer.post("/letters/note", data=NOTE).status_code == 403
    assert audit(site) == []


@pytest.mark.parametrize("wrong", [{"group": ""}, {"group": "../x"}, {"group": "a" * 65}, {"state": "gone"}])
def test_a_note_of_nothing_is_refused(operator: Browser, site: Site, wrong: dict[str, str]) -> None:
    assert operator.post("/letters/note", data=NOTE | wrong).status_code == 400
    assert audit(site) == []


def test_the_newest_entries_come_first_page_by_page_and_each_filter_is_an_address(
    operator: Browser, site: Site
) -> None:
    with open_records(site.app, site.settings) as records:
        for number in range(PAGE + 2):
            records.write(Cause(by="ada", why=f"reason {number}.", incident="i" if number else ""), "redrive")
        records.write(Cause(by=HOSTILE, why=HOSTILE), "discard", operation="op-1")
    first = operator.get("/audit").text
    assert f"reason {PAGE + 1}." in first
    assert "reason 2." not in first
    assert "<script>alert" not in first
    onward = first.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = operator.get(onward).text
    assert all(f"reason {number}." in second for number in range(3))
    assert 'rel="next"' not in second
    assert "reason 0." not in operator.get("/audit?incident=i").text
    assert "reason" not in operator.get("/audit?operation=op-1").text
    assert "Nothing is on record" in operator.get("/audit?incident=other").text


def test_without_its_database_the_page_says_why(browser: Browser, site: Site) -> None:
    enter(browser, "ada")
    assert site.settings.sqlite_file is not None
    site.settings.sqlite_file.write_bytes(b"this is not a database of SQLite, and is long enough to say so" * 20)
    for answer in (browser.get("/audit"), browser.post("/letters/note", data=NOTE)):
        assert answer.status_code == 503
        assert "The audit cannot be read or written" in answer.text
    page = browser.get("/letters")
    assert page.status_code == 200
