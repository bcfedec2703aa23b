"""Letters that are put into the queue by a tool: restored or imported, with a copy for the indexes and none twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from leveret.amqp import Message, Properties
from leveret.devbroker import DevBroker
from leveret.letters.export_file import check_export, write_export
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.importing import import_letters, known_in_queue
from leveret.letters.index.opening import Source, up_to_date
from leveret.letters.removal import LetterFate
from leveret.topology import Topology
from support.archives import Mover, archive_in
from support.redriving import Again, ids_of, letters_of, put_letter, until_depth
from support.serving import Caller, quick


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
