"""A refusal that says "ask again" is not the answer to its request: it is not stored, and the next attempt runs."""

import pytest
import sqlalchemy as sa

from leveret.errors import Overloaded, RateLimited, RequestError
from leveret.inbox.batch import AnsweredJob
from leveret.sql import Store
from support.jobs import add_effect, effects, job, leave, results_of, stored_ids


def refusing(error: RequestError, *, late: bool) -> object:
    def run(connection: sa.Connection) -> bytes:
        if late:
            add_effect(connection, "refused")
        raise error

    return run


@pytest.mark.parametrize("neighbours", [0, 2])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("error", [Overloaded("no room"), RateLimited("too many")])
def test_a_refusal_that_may_pass_is_answered_and_not_stored(
    engine: sa.Engine, store: Store, error: RequestError, late: bool, journal: bool, neighbours: int
) -> None:
    others = [job(f"other{number}") for number in range(neighbours)]
    refused = results_of(store, [*others, job("r1", refusing(error, late=late), journal=journal)])[-1]  # type: ignore[arg-type]  # the function above
    assert isinstance(refused, AnsweredJob)
    assert (refused.code, refused.kept) == (error.code, False)
    assert stored_ids(engine) == [f"other{number}" for number in range(neighbours)]
    again = results_of(store, [job("r1", leave("r1"))])[0]
    assert isinstance(again, AnsweredJob)
    assert (again.code, again.replayed) == (None, False)
    assert effects(engine) == [*(f"other{number}" for number in range(neighbours)), "r1"]
