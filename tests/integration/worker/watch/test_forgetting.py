"""The application's part of the clean-up."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from leveret.sql import Store, create_engine
from leveret.worker.run.lanes import Lanes
from leveret.worker.watch.clean_up import STEP, CleanUp
from support.notes import notes


def forget_notes(connection: sa.Connection, now: datetime, most: int) -> int:
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
    old = sa.select(notes.c.id).where(notes.c.text == "old").limit(most)
    return connection.execute(notes.delete().where(notes.c.id.in_(old))).rowcount


async def test_what_the_application_wants_forgotten_goes_in_steps_each_committed(database: str) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        rows = [{"owner": "7", "text": "old"}] * (2 * STEP + 1) + [{"owner": "7", "text": "young"}]
        connection.execute(notes.insert(), rows)
    commits: list[bool] = []
    sa.event.listen(engine, "commit", lambda connection: commits.append(connection.get_execution_options()["writes"]))
    lanes: Lanes = Lanes([Store(engine)], lambda _: None)
    await CleanUp(timedelta(days=7), timedelta(minutes=10), [forget_notes]).run(lanes)
    assert commits.count(True) == 5, (
        "one step for responses, one for events, three for notes; reading the clock is none"
    )
    with engine.connect() as connection:
        assert connection.execute(sa.select(notes.c.text)).scalars().all() == ["young"]
    await lanes.close(5)
    engine.dispose()
