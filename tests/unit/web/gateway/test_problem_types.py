"""The one table from error codes to HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from leveret.contracts.statuses import PROBLEMS
from leveret.errors import BY_CODE, LeveretError, NoAnswer, NotFound, NotSent, RateLimited, Unauthenticated
from leveret.web.gateway.problems import HttpProblem, of_error, of_refusal


def test_each_code_of_the_wire_has_its_problem() -> None:
    assert BY_CODE.keys() <= PROBLEMS.keys()


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (NotFound("x"), 404, "not_found", {}),
        (Unauthenticated("x"), 401, "unauthenticated", {"WWW-Authenticate": "Bearer"}),
        (RateLimited("x", details={"retry_after": 12.4}), 429, "rate_limited", {"Retry-After": "13"}),
        (NotSent("x"), 503, "broker_unavailable", {"Retry-After": "1"}),
        (NoAnswer("x"), 504, "no_answer", {}),
        (HttpProblem("key_missing", "x"), 400, "key_missing", {}),
        (LeveretError("secret"), 500, "internal", {}),
    ],
)
def test_an_error_becomes_its_problem(error: LeveretError, status: int, code: str, headers: dict[str, str]) -> None:
    problem = of_error(error)
    assert (problem.status, problem.code, problem.headers) == (status, code, headers)
    assert "secret" not in problem.detail


@pytest.mark.parametrize("after", [None, "soon", True, float("nan"), float("inf")])
def test_a_time_that_is_no_number_becomes_no_header(after: Any) -> None:
    assert of_refusal("rate_limited", "x", {"retry_after": after}).headers == {}


def test_a_code_of_the_application_is_an_error_of_the_server_with_that_code() -> None:
    problem = of_refusal("out_of_stock", "No more", None)
    assert (problem.status, problem.code) == (500, "out_of_stock")
