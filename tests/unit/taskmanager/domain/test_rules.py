import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.domain import BrokenRule, NewTask, NewUser, Priority, Status, rules

Rule = Callable[[str], object]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.title, "x"),
        (rules.title, "🐇" * 200),
        (rules.title, " Write "),
        (rules.description, ""),
        (rules.description, "x" * 10_000),
        (rules.full_name, ""),
        (rules.full_name, "ä" * 200),
        (rules.password, "x"),
        (rules.password, " " * 8),
        (rules.password, "x" * 1024),
    ],
)
def test_a_value_within_the_limits_is_kept_as_it_is(rule: Rule, text: str) -> None:
    assert rule(text) == text


@pytest.mark.parametrize(
    ("rule", "text", "field"),
    [
        (rules.title, "", "title"),
        (rules.title, " \t\n\u00a0", "title"),
        (rules.title, "x" * 201, "title"),
        (rules.description, "x" * 10_001, "description"),
        (rules.full_name, "x" * 201, "full_name"),
        (rules.password, "", "password"),
        (rules.password, "x" * 1025, "password"),
        (rules.due_date, "", "due_date"),
    ],
)
def test_a_value_out_of_its_limits_is_refused_under_its_fields_name(rule: Rule, text: str, field: str) -> None:
    with pytest.raises(BrokenRule, match=f"^Field {field}: must ") as caught:
        rule(text)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a@b", "a@b"),
        (" Ann.Lee+x@Example.COM ", "ann.lee+x@example.com"),
        ("ÄNN@bücher.example", "änn@bücher.example"),
        ("x" * 248 + "@y.com", "x" * 248 + "@y.com"),
    ],
)
def test_an_email_is_kept_in_lower_case(text: str, kept: str) -> None:
    assert rules.email(text) == kept


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a@b@c", "a b@c", "a@b\nc", "a\u200b@c", "x" * 249 + "@y.com"])
def test_what_has_not_the_shape_of_an_email_is_refused(text: str) -> None:
    with pytest.raises(BrokenRule, match="email"):
        rules.email(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:30", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("2026-01-31 12:30:15.123456", datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)),
        ("2026-01-31T12:30:00Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("2026-01-31t12:30:00z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("2026-01-31t12:30:00.5+05:30", datetime(2026, 1, 31, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:30:00+05:30", datetime(2026, 1, 31, 7, 0, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_due_date_is_midnight_and_utc_where_it_does_not_say_otherwise(text: str, moment: datetime) -> None:
    assert rules.due_date(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-02-30",
        "2026-13-01",
        "2026-1-1",
        "31.01.2026",
        "1769860800",
        "2026-01-31T25:00",
        "2026-01-31T12:00:00+99:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "x" * 10_000,
    ],
)
def test_what_is_no_date_or_leaves_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(BrokenRule, match="ISO 8601"):
        rules.due_date(text)


def test_no_due_date_description_or_name_is_possible() -> None:
    assert [rules.due_date(None), rules.description(None), rules.full_name(None)] == [None] * 3


@given(st.text())
def test_no_text_breaks_a_rule_in_any_other_way(text: str) -> None:
    for rule in (rules.title, rules.email, rules.due_date, rules.description, rules.full_name, rules.password):
        with contextlib.suppress(BrokenRule):
            rule(text)


def test_a_new_task_and_a_new_user_hold_to_the_rules() -> None:
    assert NewTask("Write") == NewTask("Write", None, Status.TODO, Priority.MEDIUM, None)
    assert NewUser(" A@B ").email == "a@b"
    for wrong in (
        lambda: NewTask(" "),
        lambda: NewTask("x", "y" * 10_001),
        lambda: NewUser("a"),
        lambda: NewUser("a@b", "x" * 201),
    ):
        with pytest.raises(BrokenRule):
            wrong()
