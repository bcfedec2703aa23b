"""Letters that are put into the queue by a tool: restored or imported, with a copy for the indexes and none twice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from leveret.amqp import Channel, Message, Properties
from leveret.broker.connecting import BrokerTrouble
from leveret.devbroker import DevBroker
from leveret.letters.export_file import check_export, write_export
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.importing import ImportRuns, import_letters, importing_turn, known_in_queue
from leveret.letters.index.opening import Source, up_to_date
from leveret.letters.look import look_undisturbed
from leveret.letters.removal import LetterFate
from leveret.operate.archive import LetterPlace
from leveret.operate.archive.archive import RestoreRuns
from leveret.topology import Topology
from leveret.wire.messages import letter_copy
from support.archives import ADA, Mover, archive_in
from support.redriving import Again, ids_of, letters_of, put_letter, until_depth
from support.serving import LIMIT, Caller, quick


@pytest.fixture
def topology(prefix: str) -> Topology:
    return replace(quick(prefix), letters_size=2**26)


@pytest.fixture
def mover(again: Again, tmp_path: Path) -> Iterator[Mover]:
    with archive_in(f"sqlite:///{tmp_path / 'archive.db'}") as archive:
        yield Mover(again, archive)


@pytest.fixture
def source(broker: DevBroker, topology: Topology, tmp_path: Path) -> Source:
    return Source(broker.url, topology, frozenset(), tmp_path / "index.db")


async def states(source: Source) -> dict[str, str]:
    async with up_to_date(source) as found:
        assert found.streamed
        return {row.request_id: row.state for row in found.index.find(LetterFilter(state=LetterState.ANY)).rows}


async def test_the_index_knows_that_a_letter_is_back_and_no_letter_passes_for_a_mark(
    caller: Caller, topology: Topology, source: Source, mover: Mover
) -> None:
    await put_letter(caller, b'{"id": "a"}', {"n": 1}, "a")
    forged = b'{"key": "x", "what": "discarded", "at": "2026-01-01T00:00:00Z"}'
    properties = Properties(type="letter-mark", correlation_id="forged", delivery_mode=2)
    await caller.channel.publish(Message(forged, topology.dead_letters, properties=properties, mandatory=True))
    await mover.discard()
    assert (await mover.restore()).done == 2
    assert await states(source) == {"a": "present", "forged": "present"}
    assert [letter.properties.type for letter in await letters_of(caller)] == [None, "letter-mark"]
    await mover.discard("a")
    assert await states(source) == {"a": "discarded", "forged": "present"}


async def test_exported_letters_are_imported_once_wherever_they_are_missing(
    caller: Caller, topology: Topology, source: Source, again: Again, tmp_path: Path
) -> None:
    for each in "abc":
        await put_letter(caller, b'{"id": "%b"}' % each.encode(), {"n": b"\xff", "list": [1, None]}, each)
    before = await letters_of(caller)
    file = tmp_path / "letters.jsonl"
    assert write_export(file, before, topology.dead_letters) == 3
    await again.discard(["b"])
    seen: list[str] = []
    assert check_export(file, lambda letter: seen.append(letter.key)).problems == ()
    known = await known_in_queue(source)
    assert (len(known.keys), known.complete) == (2, True)
    told: list[LetterFate] = []
    report = await import_letters(again.url, topology, file, known.keys, told.append)
    assert (report.done, report.kept, told) == (1, 0, [LetterFate("b", "")])
    assert await ids_of(caller) == ["a", "c", "b"]
    back = (await letters_of(caller))[2]
    assert back.body == before[1].body
    assert (back.properties.headers or {}).items() >= {"n": b"\xff", "list": [1, None]}.items()
    assert (await known_in_queue(source)).keys == frozenset(seen)


async def test_letters_are_imported_into_a_queue_that_is_empty(
    caller: Caller, topology: Topology, source: Source, again: Again, tmp_path: Path
) -> None:
    await put_letter(caller, b'{"id": "a"}', {}, "a")
    file = tmp_path / "letters.jsonl"
    write_export(file, await letters_of(caller), topology.dead_letters)
    await again.discard(None)
    known = await known_in_queue(source)
    assert known.keys == frozenset()
    assert (await import_letters(again.url, topology, file, known.keys, lambda _: None)).done == 1
    await until_depth(caller, 1)
    assert await states(source) == {"a": "present"}


async def held(caller: Caller, count: int) -> Channel:
    """Return a channel that holds that many letters, as a walk or a look does."""
    channel, came = await caller.connection.channel(), asyncio.Event()
    await channel.consume(caller.topology.dead_letters, lambda _: came.set())
    await asyncio.wait_for(came.wait(), LIMIT)
    await until_depth(caller, count)
    return channel


async def test_an_import_waits_for_letters_that_somebody_holds(
    caller: Caller, source: Source, again: Again, tmp_path: Path
) -> None:
    await put_letter(caller, b'{"id": "a"}', {}, "a")
    holder = await held(caller, 0)
    knowing = asyncio.create_task(known_in_queue(source))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(knowing), 1.0)
    await holder.close()
    assert len((await asyncio.wait_for(knowing, LIMIT)).keys) == 1


async def test_who_cannot_see_all_letters_changes_nothing(caller: Caller) -> None:
    await put_letter(caller, b'{"id": "a"}', {}, "a")
    holder = await held(caller, 0)
    with pytest.raises(BrokerTrouble, match="somebody else goes through the letters"):
        await look_undisturbed(caller.connection, caller.topology, patience=0.1)
    await holder.close()


async def test_a_restore_that_died_is_gone_on_with_when_nobody_holds_its_letter(caller: Caller, mover: Mover) -> None:
    await put_letter(caller, b'{"id": "a"}', {}, "a")
    [letter] = await letters_of(caller)
    await mover.discard("a")
    [row] = mover.archive.find()
    mover.archive.settle([row.letter], LetterPlace.RETURNING)
    await caller.channel.publish(letter_copy(letter, caller.topology.dead_letters))
    holder = await held(caller, 0)
    restoring = asyncio.create_task(mover.restore())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(restoring), 1.0)
    await holder.close()
    assert (await asyncio.wait_for(restoring, LIMIT)).done == 0
    assert await ids_of(caller) == ["a"]


def test_one_import_into_a_queue_runs_at_a_time(source: Source) -> None:
    ended = pytest.raises(ImportRuns, match="do it again when that has ended")
    with importing_turn(source), ended, importing_turn(source):
        pytest.fail("two at once")
    with importing_turn(source):
        pass


async def test_one_restore_of_an_archive_runs_at_a_time(empty_url: str) -> None:
    with archive_in(empty_url) as one, archive_in(empty_url) as other:
        with one.restoring():
            with pytest.raises(RestoreRuns), other.restoring():
                pytest.fail("two at once")
            other.put(ADA, [])
        with other.restoring():
            pass
