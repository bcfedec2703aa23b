"""A worker says once that a deprecated action is still called, and by whom."""

from datetime import timedelta

import pytest

from leveret.api import Api, Context
from leveret.worker.arrive.intake import Intake
from support.handmade_deliveries import delivery_of
from support.serving import keyring

KEYS = keyring()


@pytest.fixture
def intake() -> Intake:
    api = Api[None]()

    def act(context: Context[None], number: int = 0) -> int:
        return number

    api.action("v1", "old", deprecated="use v2.act instead")(act)
    api.action("v1", "older", public=True, deprecated=True)(act)
    api.action("v2", "act")(act)
    return Intake(api, KEYS)


def call(intake: Intake, action: str, caller: str, data: dict[str, object] | None = None) -> None:
    version, name = action.split(".")
    token = KEYS.issue(caller, timedelta(hours=1))
    intake.take(delivery_of({"id": "a", "version": version, "action": name, "data": data or {}, "auth": token}))


def test_the_first_call_of_a_deprecated_action_is_said_with_its_caller(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    for caller in ("7", "8"):
        call(intake, "v1.old", caller)
        call(intake, "v1.older", caller)
        call(intake, "v2.act", caller)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "deprecated action v1.old was called by 7: use v2.act instead"),
        ("WARNING", "deprecated action v1.older was called by an anonymous caller"),
    ]


def test_a_call_that_is_refused_because_of_its_input_counts(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    call(intake, "v1.old", "7", {"number": "x"})
    assert [record.message for record in caplog.records] == [
        "deprecated action v1.old was called by 7: use v2.act instead"
    ]
