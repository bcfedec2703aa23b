"""Roles, and which of them a token names."""

import pytest

from leveret.web.console.security.roles import Role, Visitor, role_of_claim


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        (["console:viewer"], "viewer"),
        (["console:viewer", "console:operator"], "operator"),
        (["operator", "admin"], None),
        ([], None),
    ],
)
def test_a_token_names_a_role_with_our_prefix(claim: list[str], role: Role | None) -> None:
    assert role_of_claim(claim) == role


def test_an_operator_may_do_what_a_viewer_may_and_not_the_other_way_round() -> None:
    assert Visitor(name="a", role="operator").may("viewer")
    assert not Visitor(name="a", role="viewer").may("operator")
