"""The benchmark of a request's stages goes through a worker's real code."""

from stages import STAGES, measure


def test_each_stage_of_a_request_is_measured() -> None:
    took = measure(2, 20)
    assert list(took) == list(STAGES)
    assert min(took.values()) > 0
