"""The archive in a real database: what is written there, found again, and forgotten."""

from datetime import timedelta

import pytest

from leveret.amqp import Delivery, Properties
from leveret.errors import StorageFailed
from leveret.letters.filters import LetterFilter
from leveret.letters.keeping import KeptLetter
from leveret.operate.archive import LetterPlace
from leveret.operate.archive.finding import find_in_archive
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody
from support.archives import ADA, KEEPER, Clock, archive_in
from support.databases import execute


def letter(request_id: str, action: str = "write", headers: dict[str, bytes] | None = None) -> Delivery:
    request = {"id": request_id, "version": "v1", "action": action, "data": {"text": "x\0"}}
    body = encode_json(LetterBody("2026-01-01T00:00:00.000Z", "why", request, {}, message_id=f"key-{request_id}"))
    properties = Properties(message_id=f"key-{request_id}", headers=headers)  # type: ignore[arg-type] # bytes are one
    return Delivery("", 1, redelivered=False, exchange="", routing_key="q", properties=properties, body=body)


def kept(*ids: str, action: str = "write") -> list[KeptLetter]:
    return [KEEPER.keep(letter(each, action)) for each in ids]


def test_a_letter_is_found_again_as_it_was(empty_url: str) -> None:
    with archive_in(empty_url) as archive:
        found = letter("a", headers={"n": b"\xff\x00"})
        archive.put(ADA, [KEEPER.keep(found)])
        [row] = archive.find(["a"])
        assert archive.find(["key-a"]) == [row]
        assert (row.state, row.by_whom, row.why, row.incident, row.whole) == (
            "leaving",
            "ada@desk",
            "a test",
            "red",
            True,
        )
        [[(same, message)]] = archive.messages([row])
        assert same == row
        assert (message.body, message.properties) == (found.body, found.properties)


def test_a_letter_that_is_discarded_again_is_one_row_with_the_whole_time(empty_url: str) -> None:
    clock = Clock()
    with archive_in(empty_url, clock) as archive:
        archive.put(ADA, kept("a", "b"))
        archive.settle(["key-a"], LetterPlace.ARCHIVED)
        clock.now += timedelta(days=29)
        archive.put(ADA, [*kept("a"), *kept("a")])
        clock.now += timedelta(days=2)
        assert archive.forget() == 1
        assert [(row.request, row.state) for row in archive.find()] == [("a", "leaving")]
        clock.now += timedelta(days=28, seconds=1)
        assert archive.forget() == 1
        assert archive.forget() == 0


def test_letters_that_are_written_together_stay_in_their_order(empty_url: str) -> None:
    with archive_in(empty_url) as archive:
        archive.put(ADA, kept("z", "a", "m"))
        assert [row.request for row in archive.find()] == ["z", "a", "m"]


def test_letters_that_are_back_in_the_queue_are_not_found(empty_url: str) -> None:
    with archive_in(empty_url) as archive:
        archive.put(ADA, kept(*map(str, range(700))))
        archive.settle([f"key-{each}" for each in range(600)], LetterPlace.RESTORED)
        assert len(archive.find()) == 100
        assert len(archive.find(list(map(str, range(700))))) == 100
        assert len(archive.find(places=[LetterPlace.RESTORED])) == 600
        assert len(archive.find(most=3)) == 3


def test_a_place_is_written_only_where_nobody_else_has_moved_the_letter(empty_url: str) -> None:
    with archive_in(empty_url) as archive:
        archive.put(ADA, kept("a", "b"))
        both = ["key-a", "key-b"]
        assert archive.settle(["key-a"], LetterPlace.ARCHIVED, was=[LetterPlace.LEAVING]) == {"key-a"}
        assert archive.settle(both, LetterPlace.RETURNING, was=[LetterPlace.ARCHIVED]) == {"key-a"}
        assert archive.settle(both, LetterPlace.RETURNING, was=[LetterPlace.ARCHIVED]) == set()
        archive.put(ADA, kept("a"))
        assert archive.settle(both, LetterPlace.RESTORED, was=[LetterPlace.RETURNING]) == set()
        assert [row.state for row in archive.find()] == ["leaving", "leaving"]


def test_the_archive_is_searched_by_the_conditions_of_the_queue(empty_url: str) -> None:
    clock = Clock()
    with archive_in(empty_url, clock) as archive:
        archive.put(ADA, kept("a", "b"))
        clock.now += timedelta(seconds=1)
        archive.put(ADA, kept("c", action="read"))

        def find(**conditions: str) -> list[str]:
            return [row.request for row in find_in_archive(archive, LetterFilter(**conditions), set())]  # type: ignore[arg-type] # texts

        assert find() == ["a", "b", "c"]
        assert find(action="write") == ["a", "b"]
        assert find(action="v1.read", text="why") == ["c"]
        both = LetterFilter(ids=("a", "c"), action="write")
        assert [row.request for row in find_in_archive(archive, both, set())] == ["a"]


def test_an_archive_that_cannot_be_written_is_an_error(empty_url: str) -> None:
    with archive_in(empty_url) as archive:
        execute(empty_url, "DROP TABLE leveret_archive")
        with pytest.raises(StorageFailed):
            archive.put(ADA, kept("a"))
