"""The page that edits a letter, while no broker answers."""

import json

from starlette.testclient import TestClient as Browser

from leveret.letters.edit.editor import EditedLetter
from leveret.operate.record import open_records
from leveret.web.console.editing import EditedPart, difference
from leveret.web.console.pages.editing import as_editable
from leveret.web.console.site import Site
from support.indexed_letters import written

FORM = {"data": "{}", "why": "a typing error", "do": "save"}


def test_a_viewer_edits_nothing(viewer: Browser) -> None:
    assert viewer.get("/letters/one/edit").status_code == 403
    assert viewer.post("/letters/one/edit", data=FORM).status_code == 403


def test_a_letter_that_is_not_there_is_not_edited(operator: Browser, site: Site) -> None:
    assert operator.get("/letters/one/edit").status_code == 404
    answer = operator.post("/letters/one/edit", data=FORM)
    assert answer.status_code == 503
    with open_records(site.app, site.settings) as records:
        assert records.history() == []


def test_what_cannot_be_printed_is_escaped_as_json_has_it() -> None:
    data = {"note": "\u202e\x1b\x7f\U000e0001 é"}
    text = as_editable(data)
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == data


def test_the_difference_has_all_lines_and_says_which_come_and_go(site: Site) -> None:
    edit = EditedLetter("k", b"", "", "one", {"age": 1, "name": "Ada"}, {"age": 2, "name": "Ada"}, written(1))
    assert difference(site, edit) == [
        EditedPart(" ", "{"),
        EditedPart("-", '  "age": 1,'),
        EditedPart("+", '  "age": 2,'),
        EditedPart(" ", '  "name": "Ada"'),
        EditedPart(" ", "}"),
    ]
