"""The page that edits a letter, while no broker answers."""

import json

from starlette.testclient import TestClient as Browser

from leveret.letters.edit.editor import EditedLetter
from leveret.operate.record import open_records
from leveret.web.console.editing import EditedPart, difference
from leveret.web.console.pages.editing import as_editable, differences, seen
from leveret.web.console.site import Site
from support.indexed_letters import written

FORM = {"data": "{}", "why": "a typing error", "do": "save"}


def test_a_viewer_edits_nothing(viewer: Browser) -> None:
    assert viewer.get("/letters/one/edit").status_code == 403
    assert viewer.post("/letters/one/edit", data=FORM).status_code == 403
    assert viewer.get("/edit?action=sign").status_code == 403
    assert viewer.post("/edit", data=FORM | {"query": ""}).status_code == 403


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


def test_a_patch_that_cannot_be_read_is_told_and_nothing_that_was_entered_is_lost(operator: Browser) -> None:
    for patch, said in (("[1]", "operation 1: expected an object"), ("{", "not JSON"), ("x" * 20_001, "too long")):
        form = {"query": "action=sign", "data": patch, "why": "a typing error", "do": "save"}
        answer = operator.post("/edit", data=form)
        assert answer.status_code == 422
        assert said in answer.text
        assert f">{patch}</textarea>" in answer.text
        assert 'value="a typing error"' in answer.text


def test_a_form_that_names_no_letters_edits_nothing(operator: Browser) -> None:
    assert operator.post("/edit", data={"data": "{}", "do": "save"}).status_code == 400
    assert operator.post("/edit", data={"query": "state=odd", "do": "save"}).status_code == 400


def test_differences_of_many_letters_leave_out_what_stays_and_end_where_the_page_is_full(site: Site) -> None:
    before = {f"field{number:02}": number for number in range(20)}
    after = before | {"field00": "new", "field19": "new"}
    edit = EditedLetter("k", b"", "", "one", before, after, written(1))
    [(name, lines)] = differences(site, [edit], 1)
    assert name == "one"
    shown = "|".join(line.kind + line.text.strip() for line in lines)
    assert shown == (
        ' {|-"field00": 0,|+"field00": "new",| "field01": 1,| ...| "field18": 18,|-"field19": 19|+"field19": "new"| }'
    )
    large = EditedLetter("k", b"", "", "one", {}, {"text": "x" * 30_000}, written(1))
    assert len(differences(site, [large] * 5, 1)) == 1
    assert len(differences(site, [edit] * 20, 1)) == 10


def test_a_change_that_was_shown_is_another_one_with_other_letters_or_another_patch() -> None:
    one, changed, other = (
        EditedLetter(key, former, "", "one", {}, {}, written(1))
        for key, former in (("k", b"1"), ("k", b"2"), ("l", b"1"))
    )
    ways = [("{}", [one]), ("{} ", [one]), ("{}", [changed]), ("{}", [other]), ("{}", [one, other]), ("{}", [])]
    assert len({seen(text, edits) for text, edits in ways}) == len(ways)


def test_the_difference_has_all_lines_and_says_which_come_and_go(site: Site) -> None:
    edit = EditedLetter("k", b"", "", "one", {"age": 1, "name": "Ada"}, {"age": 2, "name": "Ada"}, written(1))
    assert difference(site, edit) == [
        EditedPart(" ", "{"),
        EditedPart("-", '  "age": 1,'),
        EditedPart("+", '  "age": 2,'),
        EditedPart(" ", '  "name": "Ada"'),
        EditedPart(" ", "}"),
    ]
