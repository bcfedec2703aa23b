"""The name of a new project: what is made of it, and which names are refused."""

import sys

import pytest

from leveret.cli.ending.endings import WrongUse
from leveret.cli.new.naming import project_name


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("shop", "shop"),
        ("my-shop", "my_shop"),
        ("my.shop", "my_shop"),
        ("My_Shop2", "my_shop2"),
        ("x", "x"),
        ("a" * 32, "a" * 32),
        ("match", "match"),
    ],
)
def test_a_name_becomes_the_name_of_a_package(text: str, module: str) -> None:
    assert project_name(text).module == module


def test_a_name_is_put_in_the_place_of_the_templates_own() -> None:
    filled = project_name("my-shop").put_in("from project_name import app  # project-name, PROJECT_NAME_AMQP_URL")
    assert filled == "from my_shop import app  # my-shop, MY_SHOP_AMQP_URL"


@pytest.mark.parametrize(
    "text", ["", "2shops", "-shop", "shop-", "shop.", "_shop", "my shop", "a/b", "..", "größe", "a" * 33, "shop\n"]
)
def test_a_name_that_is_not_one_is_refused_with_what_can_be_written(text: str) -> None:
    with pytest.raises(WrongUse, match="up to 32 letters"):
        project_name(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("class", "a word of Python's own"),
        ("Import", "a word of Python's own"),
        ("asyncio", "standard library"),
        ("Queue", "standard library"),
        ("leveret", "the framework itself"),
        ("tests", "the project's tests"),
        ("test", "Python's own tests"),
        ("sqlalchemy", "a module of SQLAlchemy, which is installed"),
        ("pytest", "which is installed"),
        ("python", "PYTHON_VERSION"),
    ],
)
def test_a_name_that_would_hide_something_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(WrongUse, match=f"^{text} cannot be a project's name: .*{reason}"):
        project_name(text)


def test_no_module_of_the_standard_library_can_be_hidden() -> None:
    public = [name for name in sys.stdlib_module_names if not name.startswith("_")]
    assert len(public) > 100
    for name in public:
        with pytest.raises(WrongUse):
            project_name(name)
