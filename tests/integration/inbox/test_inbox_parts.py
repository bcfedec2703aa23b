"""A batch with large responses is told in parts, so that a worker never holds the responses of a whole batch."""

import pytest
import sqlalchemy as sa

from leveret.inbox.batch import MOST_RESPONSE_BYTES, run_batch
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.wire.codec import ok
from support.jobs import job, results_of, stored_ids


@pytest.mark.parametrize("stores", [True, False])
def test_a_batch_of_large_responses_is_told_in_parts_and_each_part_is_committed(
    engine: sa.Engine, store: Store, *, stores: bool
) -> None:
    large = "x" * (MOST_RESPONSE_BYTES // 2)
    jobs = [job(f"r{number}", lambda _: ok("r", large), stores=stores) for number in range(5)]
    parts = []
    for part in run_batch(store, jobs, Journal()):
        parts.append([each.key.id for each, _ in part])
        assert stored_ids(engine) == ([each for told in parts for each in told] if stores else [])
    assert parts == [["r0", "r1"], ["r2", "r3"], ["r4"]]


def test_repeated_responses_that_are_large_are_told_in_parts_too(store: Store) -> None:
    large = "x" * MOST_RESPONSE_BYTES
    jobs = [job(f"r{number}", lambda _: ok("r", large)) for number in range(3)]
    results_of(store, jobs)
    assert [len(part) for part in run_batch(store, jobs, Journal())] == [1, 1, 1]
