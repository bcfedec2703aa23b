"""Which actions are not tried, because what they do could not be undone."""

import pytest

from leveret import App, Context
from leveret.operate.what_if import why_not_run
from leveret.settings import Settings


class Mailer:
    """Sends mails."""


def sign(context: Context, name: str) -> None:
    """Take data only."""


def mail(context: Context, name: str, mailer: Mailer) -> None:
    """Take a resource of the application."""


def configured(context: Context, settings: Settings) -> None:
    """Take what the application itself gives."""


async def wait(context: Context) -> None:
    """Run in the event loop."""


@pytest.mark.parametrize(
    ("function", "outside", "reason"),
    [
        (sign, None, ""),
        (sign, False, ""),
        (sign, True, "declared with outside=True"),
        (mail, None, "given a Mailer"),
        (mail, True, "declared with outside=True"),
        (mail, False, ""),
        (configured, None, ""),
        (wait, None, "async def"),
        (wait, False, "async def"),
    ],
)
def test_an_action_is_tried_if_all_that_it_does_can_be_undone(
    function: object, outside: bool | None, reason: str
) -> None:
    app: App = App("shop")
    app.resource(_mailer)
    app.action("v1", "it", outside=outside)(function)  # type: ignore[type-var]  # one of the functions above
    found = why_not_run(app.find("v1", "it"))
    assert (reason in found) if reason else not found


def _mailer() -> Mailer:
    return Mailer()
