"""Who calls: a user's id in the one form in which it is issued, so that each user is one principal."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.auth.keyring import Principal
from leveret.errors import Unauthenticated
from leveret.wire.envelope import Request
from taskmanager.actions.registry import TaskContext, caller

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LARGEST = 2**63 - 1


def asked_by(subject: str) -> TaskContext:
    """What an action knows of a request of this subject; the services are not looked at."""
    return TaskContext(Request("i", "v1", "list_tasks", {}, ""), Principal(subject), None, NOW)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("number", [1, 7, 10, 101, 10**18, LARGEST])
def test_the_decimal_form_of_a_users_id_is_taken(number: int) -> None:
    assert caller(asked_by(str(number))) == number


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "0",
        "00",
        "01",
        "0001",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        "1e3",
        "0x1",
        "\u0661",
        "\uff11",
        "\u00b9",
        "\u2460",
        "1\u0660",
        "1\u200b",
        "1\n",
        "ann",
        str(LARGEST + 1),
        "9" * 5000,
    ],
)
def test_no_other_form_names_a_user(subject: str) -> None:
    with pytest.raises(Unauthenticated, match="names no user"):
        caller(asked_by(subject))


@given(st.text(st.sampled_from("0123456789+-_ .\u0661\uff11"), max_size=25))
def test_two_subjects_never_name_the_same_user(subject: str) -> None:
    try:
        number = caller(asked_by(subject))
    except Unauthenticated:
        return
    assert subject == str(number)
