"""The pages of operations while no broker answers, and at which step an operation is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient as Browser

from leveret.letters.filters import LetterFilter
from leveret.operate.operations import (
    LetterResult,
    OperationCounts,
    Operations,
    OperationView,
    RedriveOptions,
    open_operations,
)
from leveret.operate.record import Cause, open_records
from leveret.operate.record.opening import open_store
from leveret.web.console.operations import step_of
from leveret.web.console.site import Site
from support.consoles import HOSTILE

BY = Cause(by="grace", why=HOSTILE, incident="sofa-1")


def planned(site: Site, count: int = 3, steps: tuple[int, ...] = (1,)) -> OperationView:
    with open_operations(site.app, site.settings) as operations:
        letters = [(f"key-{number}", f"request-{number}") for number in range(count)]
        return operations.plan(BY, LetterFilter(action="sign"), RedriveOptions(steps=steps), letters)


def stands(site: Site, view: OperationView) -> OperationView:
    with open_operations(site.app, site.settings) as operations:
        return operations.find(view.id)


def test_a_viewer_sees_operations_and_why_the_buttons_are_off(viewer: Browser, site: Site) -> None:
    view = planned(site)
    listed = viewer.get("/operations").text
    assert f'href="/operations/{view.id}"' in listed
    page = viewer.get(f"/operations/{view.id}").text
    assert "request-2" in page
    assert "action=sign" in page
    assert "<script>alert" not in listed + page
    assert 'value="resume" id="resume" disabled' in page
    assert "Only an operator may do this" in page
    assert "Nothing can take effect twice" in page
    assert viewer.post(f"/operations/{view.id}", data={"do": "resume"}).status_code == 403
    assert viewer.get("/redrive").status_code == 403


@pytest.mark.parametrize(("rate", "left"), [(None, 20.0), (0.1, 40.0)])
def test_the_time_left_follows_from_what_was_sent_in_the_last_minute(
    site: Site, rate: float | None, left: float
) -> None:
    view = replace(planned(site, 10), options=RedriveOptions(rate=rate))
    now = datetime.now(UTC)
    with open_store(site.app, site.settings) as store:
        operations = Operations(store, lambda: now)
        assert operations.remaining(operations.find(view.id)) is None
        operations.claim(view.id, "a test", BY)
        for letter, seconds in zip(operations.letters(view.id), (3600, 3600, 20, 10, 5, 1), strict=False):
            sent = replace(letter, state=LetterResult.SENT, at=now - timedelta(seconds=seconds))
            operations.settle_letters(view.id, "a test", [sent])
        counts = operations.find(view.id).counts
        assert operations.remaining(replace(view, counts=counts)) == pytest.approx(left)


def test_letters_of_one_state_are_an_address(operator: Browser, site: Site) -> None:
    view = planned(site)
    assert "request-0" in operator.get(f"/operations/{view.id}?show=wanted").text
    failed = operator.get(f"/operations/{view.id}?show=failed").text
    assert "There are no such letters" in failed
    assert "request-0" not in failed


def test_an_operation_that_is_not_there_or_does_not_run_says_so(operator: Browser, site: Site) -> None:
    view = planned(site)
    assert operator.get("/operations/nobody").status_code == 404
    for what in ("pause", "anything", ""):
        answer = operator.post(f"/operations/{view.id}", data={"do": what})
        assert answer.status_code == 409
        assert "This cannot be done now" in answer.text
    with open_records(site.app, site.settings) as records:
        assert [entry.what for entry in records.history()] == ["redrive"]


def test_without_a_secret_a_resume_says_so(operator: Browser, site: Site) -> None:
    view = planned(site)
    answer = operator.post(f"/operations/{view.id}", data={"do": "resume"})
    assert answer.status_code == 503
    assert "This cannot be done now" in answer.text
    assert "JWT_SECRET is not set" in answer.text
    assert (stands(site, view).state, stands(site, view).owner) == ("paused", "")


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"steps": "1,x,all"}, "are not steps"),
        ({"rate": "fast"}, "is not a rate"),
        ({"stop_after": "-1"}, "is not a number of failures"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_stays(operator: Browser, entered: dict[str, str], said: str) -> None:
    form: dict[str, Any] = {"id": ["one", "two"], "why": "it is mended", **entered}
    answer = operator.post("/operations", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="it is mended"' in answer.text
    assert 'name="id" value="two"' in answer.text


def test_letters_that_were_chosen_are_asked_about_before_anything_is_sent(operator: Browser) -> None:
    page = operator.post("/redrive", data={"id": ["one", "two"]}).text
    assert "2 letters will be sent again" in page
    assert 'value="1,5,50,all"' in page
    assert "Nothing can take effect twice" in page


def test_without_a_broker_nothing_is_begun(operator: Browser, site: Site) -> None:
    answer = operator.post("/operations", data={"id": "one", "steps": "all"})
    assert answer.status_code == 503
    assert "The broker does not answer, so nothing was changed" in answer.text
    with open_operations(site.app, site.settings) as operations:
        assert operations.recent() == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"wanted": 10}, (1, 3, False)),
        ({"wanted": 9, "sent": 1}, (1, 3, True)),
        ({"wanted": 7, "succeeded": 1, "failed": 1, "refused": 1}, (2, 3, False)),
        ({"wanted": 4, "succeeded": 6}, (2, 3, True)),
        ({"succeeded": 10}, (3, 3, True)),
        ({}, (0, 0, False)),
    ],
)
def test_the_step_follows_from_the_counts(site: Site, counts: dict[str, int], expected: tuple[int, int, bool]) -> None:
    view = replace(planned(site), counts=OperationCounts(**counts), options=RedriveOptions(steps=(1, 5)))
    assert step_of(view) == expected
