"""Groups of letters for which the same is predicted."""

from leveret.operate.what_if import PredictedEnd, PredictedGroup, Prediction, grouped


def test_letters_with_the_same_end_cause_and_action_are_one_group_with_an_example() -> None:
    failing = [
        Prediction(
            end=PredictedEnd.FAILS,
            id=each,
            action="v1.a",
            code="internal",
            exception="KeyError",
            place="a.py:1",
            why=each,
        )
        for each in ("x", "y")
    ]
    assert grouped(failing) == [
        PredictedGroup(
            end=PredictedEnd.FAILS,
            count=2,
            action="v1.a",
            code="internal",
            exception="KeyError",
            place="a.py:1",
            why="x",
            first="x",
        )
    ]


def test_groups_come_by_their_end_and_the_largest_first() -> None:
    ends = ["refused", "succeeds", "not_run", "fails", "unknown", "done", "answered"]
    many = [Prediction(end=PredictedEnd(end), action="v1.a") for end in ends]
    larger = [Prediction(end=PredictedEnd.FAILS, action="v1.b") for _ in range(2)]
    groups = [(group.end.value, group.action) for group in grouped([*many, *larger])]
    assert groups == [
        ("succeeds", "v1.a"),
        ("answered", "v1.a"),
        ("fails", "v1.b"),
        ("fails", "v1.a"),
        ("done", "v1.a"),
        ("refused", "v1.a"),
        ("not_run", "v1.a"),
        ("unknown", "v1.a"),
    ]


def test_refused_letters_with_different_texts_are_one_group() -> None:
    old = [Prediction(end=PredictedEnd.REFUSED, code="too_old", why=f"it failed at {hour}") for hour in range(3)]
    assert [group.count for group in grouped(old)] == [3]
