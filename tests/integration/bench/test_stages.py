"""The benchmark of a request's stages goes through a worker's real code."""

from stages import STAGES, in_all, measure


def test_each_stage_of_a_request_is_measured() -> None:
    took = measure(2, 20)
    assert list(took) == list(STAGES)
    assert min(took.values()) > 0


def test_the_action_is_not_counted_again_beside_the_transaction_that_it_is_part_of() -> None:
    assert in_all({"decode": 1.0, "run": 10.0, "act": 4.0, "encode": 2.0}) == 13.0
