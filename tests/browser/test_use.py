"""What people do in the console, in a real browser."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import expect

from support.consoles import PASSWORD


def test_an_operator_goes_from_a_letter_to_what_if_and_sends_it_again(visit: Any, folder: Path) -> None:
    visit.enter()
    page = visit.go("/letters")
    assert page.locator("ul.groups li").count() == 3
    page.click("ul.groups a:has-text('ValueError')")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody a")
    assert "invalid literal" in page.locator(".notice.wrong").text_content()
    page.click("button[formaction='/letters/what-if']")
    assert "would fail again" in page.locator("tbody").text_content()
    page.fill("#why", "the code is mended")
    page.click("form[action='/operations'] button")
    expect(page.locator("#how")).to_contain_text("done", timeout=20_000)
    expect(page.locator("#count-failed strong")).to_have_text("1")
    expect(page.locator("tbody")).to_contain_text("failed again")
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        audit = database.execute("SELECT what, by_whom, why FROM leveret_audit ORDER BY at").fetchall()
    assert audit == [(what, "ada (console)", "the code is mended") for what in ("redrive", "redrive_ended")]


def test_what_an_operator_notes_of_a_group_is_beside_it_and_in_the_audit(visit: Any) -> None:
    visit.enter()
    page = visit.go("/letters")
    group = page.locator("ul.groups li:has-text('TemporaryError')")
    group.locator("summary").click()
    group.locator("[name=note]").fill("the bank repairs it")
    group.locator("[name=incident]").fill("bank-down")
    group.locator("form button").click()
    assert "being looked at" in group.text_content()
    assert "the bank repairs it" in group.text_content()
    visit.go("/audit?incident=bank-down")
    assert page.locator("tbody tr").count() == 1
    assert "ada (console)" in page.locator("tbody").text_content()


def test_an_operation_goes_slowly_is_taken_over_paused_and_resumed(visit: Any, axe: str) -> None:
    visit.enter()
    page = visit.go("/letters")
    for name in ("one", "two", "--all"):
        page.check(f"input[name=id][value='{name}']")
    page.click("button[formaction='/redrive']")
    assert "3 letters will be sent again" in page.locator("main").text_content()
    page.fill("#steps", "all")
    page.fill("#rate", "1/m")
    page.click("form[action='/operations'] button")
    expect(page.locator("#count-wanted strong")).to_have_text("2", timeout=20_000)
    expect(page.locator("#how")).to_contain_text("About 2 min left.")
    assert visit.barriers(axe) == []
    owner = page.locator("#how .meta").text_content()
    page.click("#take-over")
    expect(page.locator("#how .meta")).not_to_have_text(owner)
    expect(page.locator("#count-wanted strong")).to_have_text("1", timeout=20_000)
    page.click("#pause")
    expect(page.locator("#how")).to_contain_text("paused by ada (console)")
    page.click("#resume")
    expect(page.locator("#how")).to_contain_text("done", timeout=20_000)
    expect(page.locator("#count-failed strong")).to_have_text("3")
    page.click("a[href^='/audit?operation=']")
    steps = [each.strip() for each in page.locator("tbody code").all_text_contents() if "redrive" in each]
    assert {"redrive", "redrive_taken_over", "redrive_paused", "redrive_resumed", "redrive_ended"} <= set(steps)


def test_the_data_of_a_letter_is_edited_after_a_look_at_the_difference(visit: Any, axe: str) -> None:
    visit.enter()
    page = visit.go("/letters?text=onerror")
    page.click("tbody a")
    page.click("a[href$='/edit']")
    data = json.loads(page.input_value("#data"))
    page.fill("#data", json.dumps(data | {"article": 7}))
    page.fill("#why", "a sofa has no price")
    page.click("button[value=show]")
    assert "a worker would refuse the new data" in page.locator("[role=alert]").text_content()
    page.fill("#data", json.dumps(data | {"article": "divan"}))
    page.click("button[value=show]")
    assert '"article": "divan"' in page.locator("ins").text_content()
    assert '"article": "sofa"' in page.locator("del").text_content()
    assert visit.barriers(axe) == []
    page.fill("#data", json.dumps(data | {"article": "settee"}))
    page.click("button[value=save]")
    assert '"article": "settee"' in page.locator("ins").text_content(), "what was not shown is not written"
    page.click("button[value=save]")
    assert "1 letter edited" in page.locator("[role=status]").text_content()
    visit.go("/letters?text=settee")
    assert page.locator("tbody tr").count() == 1
    visit.go("/audit")
    assert [each.strip() for each in page.locator("tbody code").all_text_contents()[:2]] == ["edit_ended", "edit"]


def test_a_patch_changes_all_letters_of_a_filter_after_a_look_at_the_differences(visit: Any, axe: str) -> None:
    visit.enter()
    page = visit.go("/letters?action=charge_card")
    page.click("a[href^='/edit?']")
    assert "1 letter" in page.locator("main p").nth(1).text_content()
    page.fill("#data", '[{"op": "replace", "path": "/price", "value": 1}]')
    page.fill("#why", "the bank takes euros")
    page.click("button[value=show]")
    assert "there is no 'price'" in page.locator("main").text_content()
    assert page.locator("button[value=save]").count() == 0
    page.fill("#data", '{"currency": "EUR"}')
    page.click("button[value=show]")
    assert '"currency": "EUR"' in page.locator("ins").text_content()
    assert visit.barriers(axe) == []
    page.fill("#data", '{"currency": "USD"}')
    page.click("button[value=save]")
    assert '"currency": "USD"' in page.locator("ins").text_content(), "what was not shown is not written"
    page.click("button[value=save]")
    assert "1 letter edited" in page.locator("[role=status]").text_content()
    visit.go("/letters?text=USD")
    page.check("tbody input[name=id]")
    page.click("button[formaction='/edit']")
    page.fill("#data", '{"currency": "CHF"}')
    page.fill("#why", "it takes francs after all")
    page.click("button[value=show]")
    page.click("button[value=save]")
    visit.go("/letters?text=CHF")
    assert page.locator("tbody tr").count() == 1
    visit.go("/audit")
    page.locator("tbody tr:has-text('takes francs') summary").last.click()
    assert '"change": "a patch"' in page.locator("tbody").text_content()


def test_a_letter_is_discarded_found_in_the_archive_and_brought_back(visit: Any, axe: str) -> None:
    visit.enter()
    page = visit.go("/letters?action=print_label")
    page.check("tbody input[name=id]")
    page.click("button[formaction='/discard']")
    assert visit.barriers(axe) == []
    page.fill("#why", "the label is not needed")
    page.click("button[value=discard]")
    assert "1 letter" in page.locator("[role=status]").text_content()
    visit.go("/letters?action=print_label")
    assert page.locator("tbody tr").count() == 0
    visit.go("/archive")
    assert visit.barriers(axe) == []
    assert "the label is not needed" in page.locator("tbody").text_content()
    page.check("tbody input[name=id]")
    page.fill("#why", "it is needed after all")
    page.click("button[value=restore]")
    assert "1 letter" in page.locator("[role=status]").text_content()
    visit.go("/letters?action=print_label")
    assert page.locator("tbody tr").count() == 1
    visit.go("/audit")
    done = page.locator("tbody code").all_text_contents()[:4]
    assert [each.strip() for each in done] == ["restore_ended", "restore", "discard_ended", "discard"]


def test_all_letters_of_a_filter_are_discarded_by_their_number_and_brought_back(visit: Any, axe: str) -> None:
    visit.enter()
    page = visit.go("/letters?action=charge_card")
    page.click("a[href^='/discard?']")
    assert "1 letter leaves the queue" in page.locator("main").text_content()
    assert visit.barriers(axe) == []
    page.evaluate("document.querySelector('[name=count]').value = '9'")
    page.fill("#why", "the bank is closed")
    page.click("button[value=discard_all]")
    assert "nothing was discarded" in page.locator("[role=alert]").text_content()
    assert page.input_value("#why") == "the bank is closed"
    page.click("button[value=discard_all]")
    assert "1 letter" in page.locator("[role=status]").text_content()
    visit.go("/archive?action=sell")
    assert page.locator("tbody tr").count() == 0
    visit.go("/archive?action=charge_card")
    assert page.locator("tbody tr").count() == 1
    page.fill("#why", "it is open again")
    page.click("button[value=restore_all]")
    assert "1 letter" in page.locator("[role=status]").text_content()
    visit.go("/letters?action=charge_card")
    assert page.locator("tbody tr").count() == 1


def test_a_viewer_reads_why_the_buttons_are_off(visit: Any) -> None:
    visit.enter("grace")
    page = visit.go("/letters?action=charge_card")
    assert page.locator("form[action='/redrive'] button:disabled").count() == 4
    assert "you are a viewer" in page.locator("#why-off").text_content()


def test_what_a_stranger_wrote_is_text_and_nothing_else(visit: Any) -> None:
    visit.enter()
    page = visit.go("/letters?text=onerror")
    page.click("tbody a")
    assert page.locator("img").count() == 1
    assert "\\u202e" in page.locator("#request").text_content()
    assert "\u202e" not in page.content()


def test_a_person_tries_an_action_and_copies_the_call(visit: Any) -> None:
    visit.enter()
    page = visit.go("/try")
    page.select_option("#action", "v1.place_order")
    page.wait_for_url("**/try?action=v1.place_order")
    page.fill("[name='field.number']", "77")
    page.fill("[name='field.article']", "lamp")
    page.select_option("[name='field.delivery']", "courier")
    page.click("button.main")
    assert '"total": 39.9' in page.locator(".answer pre").first.text_content()
    assert "call place_order" in page.locator("#as-command").text_content()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-copy=as-python]")
    assert "client.call('place_order'" in page.evaluate("navigator.clipboard.readText()")


def test_the_overview_changes_by_itself_and_keeps_focus_scroll_and_selection(visit: Any) -> None:
    visit.enter()
    page = visit.page
    page.set_viewport_size({"width": 700, "height": 300})
    page.click("#numbers summary")
    page.evaluate("document.querySelector('#live dd').kept = 'yes'")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.parts dt'))")
    page.evaluate("scrollTo(0, 120)")
    rows = page.locator("#numbers tbody")
    expect(rows).not_to_have_text(rows.text_content() or "", timeout=15_000)
    assert page.evaluate("scrollY") == 120
    assert page.evaluate("getSelection().toString()") == page.locator(".parts dt").first.text_content()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("document.querySelector('#live dd').kept") == "yes"
    assert page.locator("#numbers[open]").count() == 1


def test_keys_move_through_rows_and_to_the_search_field(visit: Any) -> None:
    visit.enter()
    page = visit.go("/actions")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator("[data-current]").count() == 1
    assert (
        page.evaluate("[...document.querySelectorAll('[data-row]')].findIndex((e) => e.matches('[data-current]'))") == 0
    )
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("jk?")
    assert page.input_value("[name=q]") == "jk?"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#keys[open]").count() == 1


def test_a_person_chooses_theme_and_language_and_stays_on_the_page(visit: Any) -> None:
    visit.enter()
    page = visit.go("/actions?q=order")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("button[value=dark]")
    assert page.url.endswith("/actions?q=order")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.click("button[value=ru]")
    assert page.locator("h1").text_content() == "Действия"


def test_the_address_that_dev_prints_signs_in_and_keeps_nothing_in_it(visit: Any) -> None:
    page = visit.go(f"/sign-in#ada:{quote(PASSWORD)}")
    page.wait_for_url(f"{visit.address}/")
    page.go_back()
    assert "#" not in page.url


def test_who_signs_out_is_out(visit: Any) -> None:
    page = visit.enter()
    page.click("form.who button")
    page.wait_for_url("**/sign-in")
    visit.go("/letters")
    assert "/sign-in?next=/letters" in page.url
