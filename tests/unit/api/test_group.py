"""Groups of actions, which stand in files of their own."""

import pytest

from leveret.api import Actions, Api, Context
from leveret.errors import NotFound


def sign(context: Context, name: str) -> str:
    """Write a name."""
    return name


def look(context: Context) -> None: ...


def test_a_group_registers_with_every_option_and_is_included() -> None:
    actions = Actions("v1")
    assert (
        actions.action("sign", writes=True, public=True, alone=True, deprecated="use v2", errors=[NotFound])(sign)
        is sign
    )
    actions.action("look", secret=True)(look)
    grouped, direct = Api[None](), Api[None]()
    grouped.include(actions)
    direct.action("v1", "sign", writes=True, public=True, alone=True, deprecated="use v2", errors=[NotFound])(sign)
    direct.action("v1", "look", secret=True)(look)
    facts = [
        [
            (a.full_name, a.function, a.writes, a.public, a.secret, a.alone, a.deprecated, a.errors, a.description)
            for a in api
        ]
        for api in (grouped, direct)
    ]
    assert facts[0] == facts[1]
    assert [fact[0] for fact in facts[0]] == ["v1.sign", "v1.look"]


def test_one_group_may_be_included_in_two_apis() -> None:
    actions = Actions("v1")
    actions.action("sign")(sign)
    for api in (Api[None](), Api[None]()):
        api.include(actions)
        assert api.find("v1", "sign").function is sign


def test_a_name_that_is_taken_is_refused_with_both_functions() -> None:
    first, second = Actions("v1"), Actions("v1")
    first.action("sign")(sign)
    second.action("sign")(look)
    api = Api[None]()
    api.include(first)
    both = rf"v1\.sign is registered twice: {__name__}\.sign and {__name__}\.look"
    with pytest.raises(ValueError, match=both):
        api.include(second)
    third = Actions("v1")
    third.action("sign")(sign)
    with pytest.raises(ValueError, match=both):
        third.action("sign")(look)
    api.include(Actions("v1"))


def test_names_of_another_version_are_not_taken() -> None:
    api = Api[None]()
    for version in ("v1", "v2"):
        actions = Actions(version)
        actions.action("sign")(sign)
        api.include(actions)
    assert [action.full_name for action in api] == ["v1.sign", "v2.sign"]


def test_an_action_that_comes_after_its_group_was_included_is_refused() -> None:
    actions = Actions("v1")
    Api[None]().include(actions)
    with pytest.raises(ValueError, match=r"v1\.sign comes too late"):
        actions.action("sign")(sign)


def test_a_group_checks_options_and_signatures_at_once() -> None:
    actions = Actions("v1")
    with pytest.raises(ValueError, match=r"v1\.sign: .* never stored"):
        actions.action("sign", writes=True, secret=True)
    with pytest.raises(ValueError, match=r"takes \(context\)"):
        actions.action("sign")(lambda: None)
    with pytest.raises(ValueError, match=r"The version of an action"):
        Actions("").action("sign")(sign)
