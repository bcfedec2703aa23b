"""The errors that stand for error responses."""

from typing import Any

import pytest
from msgspec import UNSET

from leveret.client import error_of
from leveret.errors import BY_CODE, Conflict, RequestError
from leveret.wire.envelope import Reply


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_known_code_is_its_own_class(code: str) -> None:
    error = error_of(Reply("i", "error", None, "No", code, {"n": 1}))
    assert type(error) is BY_CODE[code]
    assert (error.text, error.code, error.details, str(error)) == ("No", code, {"n": 1}, "No")


@pytest.mark.parametrize(
    ("reply", "code", "text"),
    [
        (Reply("i", "error", None, "No", "brand_new"), "brand_new", "No"),
        (Reply("i", "error", None, "No", UNSET), "internal", "No"),
        (Reply("i", "error", None, None, "brand_new"), "brand_new", "The response is an error without a text"),
    ],
)
def test_what_is_not_known_stays_readable(reply: Reply, code: str, text: str) -> None:
    error = error_of(reply)
    assert type(error) is RequestError
    assert (error.code, error.text) == (code, text)


@pytest.mark.parametrize("details", [None, UNSET])
def test_no_details_are_none(details: Any) -> None:
    error = error_of(Reply("i", "error", None, "Taken", "conflict", details))
    assert isinstance(error, Conflict)
    assert error.details is None


def test_one_unknown_code_does_not_change_the_next_error() -> None:
    error_of(Reply("i", "error", None, "No", "brand_new"))
    assert RequestError("No").code == "internal"
