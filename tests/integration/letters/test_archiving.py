"""Letters that are moved into the archive, and back; whatever is interrupted, none is lost and none is there twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leveret.amqp import FieldTable
from leveret.errors import StorageFailed
from leveret.letters.removal import LetterFate
from leveret.operate.archive import LetterPlace, restore
from leveret.wire.codec import encode_json
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterBody
from support.archives import ADA, Mover, archive_in, kept_of
from support.databases import execute
from support.redriving import Again, depths, ids_of, letters_of, put_letter, until_depth
from support.serving import Caller, keyring


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'archive.db'}"


@pytest.fixture
def mover(again: Again, url: str) -> Iterator[Mover]:
    with archive_in(url) as archive:
        yield Mover(again, archive)


async def put(caller: Caller, *ids: str) -> None:
    """Put letters into the queue as a worker writes them."""
    for each in ids:
        request = {"id": each, "version": "v1", "action": "write", "data": {"text": "x"}}
        body = encode_json(LetterBody(iso_time(datetime.now(UTC)), "retries exhausted: x", request, {}))
        seal = keyring().seal_letter(caller.topology.dead_letters, "7", body)
        await put_letter(caller, body, {PRINCIPAL: "7", SEAL: seal, "n": b"\xff"}, each)


def places(mover: Mover) -> dict[str, str]:
    return {row.request: row.state for row in mover.archive.find(places=())}


async def test_a_letter_comes_back_as_it_was_and_can_be_sent_again(caller: Caller, again: Again, mover: Mover) -> None:
    await put(caller, "a", "b", "c")
    before = {letter.properties.correlation_id: letter for letter in await letters_of(caller)}
    report = await mover.discard("a", "c", "nobody")
    assert (report.done, report.kept, report.missing) == (2, 0, ("nobody",))
    assert (await ids_of(caller), places(mover)) == (["b"], {"a": "archived", "c": "archived"})
    assert (await mover.restore("c")).done == 1
    assert (await ids_of(caller), places(mover)) == (["b", "c"], {"a": "archived", "c": "restored"})
    [_, back] = await letters_of(caller)
    assert (back.body, _own(back.properties.headers)) == (before["c"].body, _own(before["c"].properties.headers))
    assert (await again.redrive(["c"])).done == 1
    assert again.told == [LetterFate("a", ""), LetterFate("c", ""), LetterFate("c", ""), LetterFate("c", "")]
    assert (await mover.restore()).done == 1
    assert (await mover.restore()).done == 0


async def test_a_letter_that_was_discarded_and_restored_can_be_discarded_again(caller: Caller, mover: Mover) -> None:
    await put(caller, "a")
    for _ in range(3):
        assert (await mover.discard()).done == 1
        assert await depths(caller) == [0, 0]
        assert (await mover.restore("a")).done == 1
        assert await ids_of(caller) == ["a"]
    assert places(mover) == {"a": "restored"}


async def test_no_letter_is_acked_before_its_row_is_there(caller: Caller, mover: Mover, url: str) -> None:
    await put(caller, "a", "b")
    execute(url, "DROP TABLE leveret_archive")
    with pytest.raises(StorageFailed):
        await mover.discard()
    await until_depth(caller, 2)
    assert await ids_of(caller) == ["a", "b"]


async def test_a_crash_between_row_and_ack_leaves_both_and_either_way_goes_on(
    caller: Caller, again: Again, mover: Mover
) -> None:
    await put(caller, "a", "b")
    mover.archive.put(ADA, await kept_of(caller, "a", "b"))
    assert (await mover.restore("a")).kept == 1
    assert "it is in the queue already" in again.told[-1].kept
    assert (await ids_of(caller), places(mover)) == (["a", "b"], {"a": "restored", "b": "leaving"})
    assert (await mover.discard("b")).done == 1
    assert (await ids_of(caller), places(mover)) == (["a"], {"a": "restored", "b": "archived"})


async def test_a_crash_in_the_middle_of_a_restore_does_not_make_two(caller: Caller, again: Again, mover: Mover) -> None:
    await put(caller, "sent", "not")
    mover.archive.put(ADA, await kept_of(caller, "sent", "not"))
    keys = [row.letter for row in mover.archive.find()]
    mover.archive.settle(keys, LetterPlace.RETURNING)
    assert (await again.discard(["not"])).done == 1
    report = await mover.restore()
    assert (report.done, report.kept) == (1, 1)
    assert sorted(map(str, await ids_of(caller))) == ["not", "sent"]


async def test_a_crash_in_a_restore_of_what_lost_its_secret_does_not_make_two(caller: Caller, mover: Mover) -> None:
    await put_letter(caller, b'{"id": "m", "auth": "secret"}', {}, "m")
    await mover.discard()
    [row] = mover.archive.find()
    assert not row.whole
    assert (await mover.restore("m")).done == 1
    mover.archive.settle([row.letter], LetterPlace.RETURNING)
    report = await mover.restore("m")
    assert (report.done, report.kept) == (0, 1)
    assert (await ids_of(caller), places(mover)) == (["m"], {"m": "restored"})


async def test_a_letter_that_two_restore_at_once_comes_back_once(caller: Caller, again: Again, mover: Mover) -> None:
    await put(caller, "a")
    await mover.discard()
    seen = mover.archive.find()
    assert (await mover.restore("a")).done == 1
    late = await restore(again.url, again.topology, seen, mover.archive, again.told.append)
    assert (late.done, late.kept) == (0, 1)
    assert "somebody else has brought it back" in again.told[-1].kept
    assert (await ids_of(caller), places(mover)) == (["a"], {"a": "restored"})


async def test_what_cannot_be_archived_stays_and_all_else_goes(caller: Caller, again: Again, mover: Mover) -> None:
    await put_letter(caller, b"\xff\x00", {}, "no text")
    await put(caller, "a")
    report = await mover.discard()
    assert (report.done, report.kept) == (1, 1)
    assert "--for-good" in next(fate.kept for fate in again.told if fate.id == "no text")
    assert (await ids_of(caller), places(mover)) == (["no text"], {"a": "archived"})
    assert (await again.discard(None)).done == 1


async def test_a_letter_that_has_died_elsewhere_comes_back_with_its_key(caller: Caller, mover: Mover) -> None:
    await caller.send(b'{"id": "m"}', reply_to=None, correlation_id="m", expiration="1")
    await until_depth(caller, 1)
    [key] = [kept.key for kept in await kept_of(caller, "m")]
    await mover.discard()
    assert (await mover.restore("m")).done == 1
    assert [kept.key for kept in await kept_of(caller, "m")] == [key]

    await until_depth(caller, 1)


def _own(headers: FieldTable | None) -> FieldTable:
    counted = ("x-delivery-count", "x-acquired-count")  # what the queue itself adds; the second one since RabbitMQ 4.3
    return {name: value for name, value in (headers or {}).items() if name not in counted}
