"""A batch with large responses is told in parts, so that a worker never holds the responses of a whole batch."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from leveret.inbox.batch import MOST_RESPONSE_BYTES, Inbox, Job, Part
from leveret.inbox.journal import Journal
from leveret.sql import Store
from support.jobs import job, results_of, stored_ids
from support.responses import ok


@pytest.mark.parametrize("stores", [True, False])
def test_a_batch_of_large_responses_is_told_in_parts_and_each_part_is_committed(
    engine: sa.Engine, store: Store, *, stores: bool
) -> None:
    large = "x" * (MOST_RESPONSE_BYTES // 2)
    jobs = [job(f"r{number}", lambda _: ok("r", large), stores=stores) for number in range(5)]
    parts: list[list[str]] = []

    def see(part: Part) -> bool:
        parts.append([each.key.id for each, _ in part])
        assert stored_ids(engine) == ([each for told in parts for each in told] if stores else [])
        return True

    Inbox(store, Journal()).run_batch(jobs, see)
    assert parts == [["r0", "r1"], ["r2", "r3"], ["r4"]]


def test_repeated_responses_that_are_large_are_told_in_parts_too(store: Store) -> None:
    large = "x" * MOST_RESPONSE_BYTES
    jobs = [job(f"r{number}", lambda _: ok("r", large)) for number in range(3)]
    results_of(store, jobs)
    sizes: list[int] = []

    def see(part: Part) -> bool:
        sizes.append(len(part))
        return True

    Inbox(store, Journal()).run_batch(jobs, see)
    assert sizes == [1, 1, 1]


def run_until_told_to_stop(store: Store, jobs: Sequence[Job]) -> list[str]:
    """Run jobs until the first report, which asks for an end; return the ids that were reported."""
    told: list[str] = []

    def stop(part: Part) -> bool:
        told.extend(each.key.id for each, _ in part)
        return False

    Inbox(store, Journal()).run_batch(jobs, stop)
    return told


def test_what_is_not_wanted_any_more_after_a_part_does_not_begin(engine: sa.Engine, store: Store) -> None:
    large = "x" * (MOST_RESPONSE_BYTES // 2)
    together = [job(f"r{number}", lambda _: ok("r", large)) for number in range(3)]
    alone = [replace(job(name), alone=True) for name in ("a1", "a2")]
    redelivered = [job(name, journal=True) for name in ("j1", "j2")]
    for jobs, first in (
        ([*redelivered, *alone, *together], ["r0", "r1"]),
        ([*redelivered, *alone, together[2]], ["r2"]),
        ([*redelivered, *alone], ["a1"]),
        (redelivered, ["j1"]),
    ):
        assert run_until_told_to_stop(store, jobs) == first
    assert stored_ids(engine) == ["a1", "j1", "r0", "r1", "r2"]
