"""How many letters a second does `letters redrive --what-if` try, and does each then do what was predicted?

    python benchmarks/what_if.py [--count N] [--database URL] [--beside]

Letters of orders that failed for five causes, of which three are mended, are tried as the command does it: in a process
of its own, with today's code, each in its transaction, which is rolled back. Then the requests as which they would be
sent again run for good, in a worker's inbox, and their ends are compared with the predictions. The rows of the database
are compared before and after the trial. By default the database is an SQLite file.

With ``--beside`` another process commits small transactions meanwhile, as a busy worker does: how long do they take
without a trial, and how long beside it?
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any, Final

import sqlalchemy as sa

from leveret import App, Context
from leveret.amqp import Delivery, Properties
from leveret.inbox.batch import LARGEST_BATCH, AnsweredJob, Inbox, Part
from leveret.inbox.journal import Journal
from leveret.letters.redrive import Redriver
from leveret.operate.what_if import Prediction
from leveret.operate.what_if.judge import arriving
from leveret.operate.what_if.trying import try_letters
from leveret.settings import Settings
from leveret.sql import Store, create_engine
from leveret.sql.tables import processed_requests
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.letter import LetterFacts, write_letter
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Work

MENDED: Final = ("disk", "rate", "price")
BROKEN: Final = ("name", "card")
CAUSES: Final = (*MENDED, *BROKEN)

_ALONE: Final = 4.0
"""Seconds in which the other program writes without a trial."""

_REST: Final = 0.002
"""Seconds between two of its transactions."""

METADATA: Final = sa.MetaData()
ORDERS: Final = sa.Table(
    "orders", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50), unique=True)
)
app: App[Any] = App("whatif", tables=METADATA)


@app.action("v1", "order", writes=True)
def order(context: Context, name: str, cause: str) -> int:
    """Keep an order, and then fail for a cause that is not mended."""
    row = context.connection.execute(ORDERS.insert().values(name=name).returning(ORDERS.c.id)).scalar_one()
    if cause in BROKEN:
        raise ValueError(f"{cause} cannot be used")
    return int(row)


def main() -> None:
    """Print the rate, and what was predicted; end with 1 if a letter does something else."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--database", help="an empty database; by default a new SQLite file")
    parser.add_argument("--beside", action="store_true", help="measure what a trial costs a program that writes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/whatif.db"
        settings = app.defaults.updated({"WHATIF_DATABASE_URL": url, "WHATIF_JWT_SECRET": "s" * 32})
        settings = replace(settings, max_retries=0)
        app.prepare_database(settings, migrate=True)
        letters = make_letters(settings, options.count)
        sys.exit(_measure_beside(settings, letters) if options.beside else _measure(settings, letters))


def _measure(settings: Settings, letters: Sequence[Delivery]) -> int:
    before, began = _digest(settings), time.perf_counter()
    predictions = list(try_letters(app, settings, letters, named=True))
    seconds, same = time.perf_counter() - began, _digest(settings) == before
    print(f"{len(letters):,} letters tried in {seconds:.2f} s: {len(letters) / seconds:,.0f} a second")
    print("predicted:", dict(Counter(each.end.value for each in predictions)))
    print("database:", "the same rows before and after" if same else "CHANGED")
    wrong = _wrong(predictions, carry_out(settings, letters))
    print(f"then carried out: {len(letters) - wrong:,} letters did what was predicted, {wrong:,} did not")
    return int(bool(wrong) or not same)


def _measure_beside(settings: Settings, letters: Sequence[Delivery]) -> int:
    print("without a trial:", _written_beside(settings, lambda: time.sleep(_ALONE)))
    began = time.perf_counter()
    print("beside a trial: ", _written_beside(settings, lambda: list(try_letters(app, settings, letters, named=True))))
    print(f"the trial: {len(letters) / (time.perf_counter() - began):,.0f} letters a second")
    return 0


def _written_beside(settings: Settings, run: Callable[[], object]) -> str:
    """Commit in another process while something runs, and say how long that took."""
    ending = multiprocessing.Event()
    results: Queue[list[float]] = multiprocessing.Queue()
    writer = multiprocessing.Process(target=_write, args=(settings.database_url, ending, results))
    writer.start()
    run()
    ending.set()
    times = sorted(results.get())
    writer.join()
    figures = statistics.median(times), times[int(len(times) * 0.99)], times[-1]
    return "commits of {:.1f} ms in the median, 99 % within {:.1f} ms, the longest {:.0f} ms".format(
        *(1000 * seconds for seconds in figures)
    )


def _write(url: str, ending: Event, results: Queue[list[float]]) -> None:
    store, times = Store(create_engine(url)), list[float]()
    while not ending.is_set():
        began = time.perf_counter()
        with store.begin(writes=True) as transaction:
            transaction.connection.execute(ORDERS.insert().values(name=secrets.token_hex(8)))
        times.append(time.perf_counter() - began)
        time.sleep(_REST)
    results.put(times)


def make_letters(settings: Settings, count: int) -> list[Delivery]:
    """Write letters as a worker does, for all causes in turn."""
    keyring, topology, made = app.keyring(settings), app.topology(settings), []
    for number in range(count):
        data = f'{{"name":"order {number}","cause":"{CAUSES[number % len(CAUSES)]}"}}'
        request = f'{{"id":"{number}","version":"v1","action":"order","data":{data},"auth":""}}'.encode()
        facts = LetterFacts(f"letter {number}", datetime.now(UTC), "retries exhausted: x", "retries_exhausted")
        body = write_letter(request, {}, (), facts)
        headers: dict[str, Any] = {PRINCIPAL: "7", SEAL: keyring.seal_letter(topology.dead_letters, "7", body)}
        properties = Properties(headers=headers, message_id=facts.message_id, correlation_id=str(number))
        made.append(
            Delivery(
                consumer_tag="",
                delivery_tag=number + 1,
                redelivered=False,
                exchange="",
                routing_key=topology.dead_letters,
                properties=properties,
                body=body,
            )
        )
    return made


def carry_out(settings: Settings, letters: Sequence[Delivery]) -> dict[str, str]:
    """Run the requests as which letters are sent again, for good; return by their ids what became of them."""
    keyring = app.keyring(settings)
    redriver = Redriver(app.topology(settings), keyring, app, retention=settings.retention)
    intake, jobs, engine = Intake(app, keyring), Jobs(None), create_engine(settings.database_url)
    inbox, ends = Inbox(Store(engine), Journal()), dict[str, str]()

    def note(part: Part) -> bool:
        ends.update({job.key.id: "succeeds" if isinstance(done, AnsweredJob) else "fails" for job, done in part})
        return True

    works = [intake.take(arriving(redriver.message(letter, named=True))) for letter in letters]
    ready = [jobs.job(work) for work in works if isinstance(work, Work)]
    for begin in range(0, len(ready), LARGEST_BATCH):
        inbox.run_batch(ready[begin : begin + LARGEST_BATCH], note)
    engine.dispose()
    return ends


def _wrong(predictions: Sequence[Prediction], ends: dict[str, str]) -> int:
    return sum(ends.get(each.id or "") != each.end.value for each in predictions)


def _digest(settings: Settings) -> str:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        rows = [list(connection.execute(sa.select(table))) for table in (ORDERS, processed_requests)]
    engine.dispose()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


if __name__ == "__main__":
    main()
