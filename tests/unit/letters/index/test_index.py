"""The index of dead letters: what it finds, what it counts, and what it survives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index import LetterIndex
from leveret.letters.index.schema import IndexTrouble
from support.indexed_letters import SECRETS, made_index, mark, moved, numbered, written

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
LETTERS = (
    written(1),
    written(2, request={"action": "buy", "version": "v2", "data": {"title": "grüne Gurken 17"}}),
    written(3, exception="builtins.KeyError", place="shop/stock.py:12", principal="8"),
    written(4, exception=None, place=None, code="overloaded", failed_at="2026-11-30T11:30:00Z"),
    moved(5),
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LetterIndex]:
    with made_index(tmp_path, *LETTERS, now=NOW) as found:
        yield found


def ids(index: LetterIndex, wanted: LetterFilter, *, newest: bool = False) -> list[str]:
    return [row.request_id for row in index.find(wanted, newest=newest).rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LetterFilter(), "12345"),
        (LetterFilter(action="sell"), "1345"),
        (LetterFilter(action="v2.buy"), "2"),
        (LetterFilter(version="v2"), "2"),
        (LetterFilter(code="overloaded"), "4"),
        (LetterFilter(code="expired"), "5"),
        (LetterFilter(exception="operationalERROR"), "12"),
        (LetterFilter(place="stock.py:99"), "3"),
        (LetterFilter(principal="8"), "3"),
        (LetterFilter(principal="7", action="sell"), "14"),
        (LetterFilter(older=HOUR), "1235"),
        (LetterFilter(newer=HOUR), "4"),
        (LetterFilter(newer=HOUR, older=timedelta(minutes=40)), ""),
        (LetterFilter(text="table task"), "1234"),
        (LetterFilter(text="Gurk"), "2"),
        (LetterFilter(text='"GRÜNE gurken"'), "2"),
        (LetterFilter(text='"gurken grüne"'), ""),
        (LetterFilter(text="title", action="sell", principal="8"), "3"),
        (LetterFilter(text="tit", newer=HOUR), "4"),
        (LetterFilter(ids=("request-1", "key-3", "moved-5", "nobody")), "135"),
        (LetterFilter(ids=("request-1",), action="buy"), ""),
        (LetterFilter(state=LetterState.REDRIVEN), ""),
        (LetterFilter(state=LetterState.ANY, action="sell"), "1345"),
        (LetterFilter(action="nothing"), ""),
    ],
    ids=lambda value: value.query() or "all" if isinstance(value, LetterFilter) else value or "none",
)
def test_a_filter_finds_and_counts_the_letters_that_meet_all_of_it(
    index: LetterIndex, wanted: LetterFilter, found: str
) -> None:
    assert "".join(each[-1] for each in ids(index, wanted)) == found
    assert "".join(each[-1] for each in ids(index, wanted, newest=True)) == found[::-1]
    assert index.count(wanted) == len(found)
    assert len(list(index.keys(wanted))) == len(found)


PLENTY = tuple(
    written(
        number,
        request={"action": ("sell", "buy")[number % 2], "version": "v1", "data": {"title": f"amaranth{number % 5} x"}},
        principal=str(number % 3),
        code=("internal", "overloaded")[number % 4 // 3],
        failed_at=f"2026-11-30T{number % 12:02}:00:00Z",
    )
    for number in range(60)
)


@pytest.fixture(scope="module")
def plenty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LetterIndex]:
    with made_index(tmp_path_factory.mktemp("plenty"), *PLENTY, now=NOW) as found:
        yield found


@given(
    st.builds(
        LetterFilter,
        text=st.sampled_from(["", "amaranth", "amaranth3", '"amaranth2 x"', "amaranth x", "nothing"]),
        action=st.sampled_from(["", "sell", "v1.buy"]),
        principal=st.sampled_from(["", "1", "9"]),
        code=st.sampled_from(["", "overloaded"]),
        older=st.sampled_from([None, 3 * HOUR, 11 * HOUR]),
        newer=st.sampled_from([None, 6 * HOUR]),
        ids=st.sampled_from([(), ("request-3", "request-4", "key-9")]),
        state=st.sampled_from([LetterState.PRESENT, LetterState.ANY, LetterState.REDRIVEN]),
    ),
    st.booleans(),
)
def test_conditions_together_find_what_each_letter_by_itself_meets(
    plenty: LetterIndex, wanted: LetterFilter, newest: bool
) -> None:
    by_hand = [number for number in range(60) if meets(number, wanted)]
    assert [row.number - 1 for row in plenty.find(wanted, 60, newest=newest).rows] == sorted(by_hand, reverse=newest)
    assert plenty.count(wanted) == len(by_hand)
    assert list(plenty.keys(wanted)) == [f"key-{number}" for number in by_hand]


def meets(number: int, wanted: LetterFilter) -> bool:
    """Tell without SQL whether one of PLENTY meets a filter."""
    ago = timedelta(hours=12 - number % 12)
    texts = {
        "": True,
        "amaranth": True,
        "amaranth x": True,
        "amaranth3": number % 5 == 3,
        '"amaranth2 x"': number % 5 == 2,
    }
    return (
        texts.get(wanted.text, False)
        and wanted.action in ("", ("sell", "v1.buy")[number % 2])
        and wanted.principal in ("", str(number % 3))
        and wanted.code in ("", ("internal", "overloaded")[number % 4 // 3])
        and (wanted.older is None or ago >= wanted.older)
        and (wanted.newer is None or ago < wanted.newer)
        and (not wanted.ids or {f"request-{number}", f"key-{number}"} & set(wanted.ids) != set())
        and wanted.state is not LetterState.REDRIVEN
    )


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize(
    "wanted", [LetterFilter(), LetterFilter(text="title"), LetterFilter(action="sell"), LetterFilter(newer=HOUR)]
)
def test_pages_show_every_letter_once(tmp_path: Path, wanted: LetterFilter, *, newest: bool) -> None:
    soon = datetime(2026, 11, 30, 10, tzinfo=UTC).timestamp()
    index = made_index(tmp_path, *(written(n, code=f"code {n % 4}") for n in range(25)), now=soon)
    seen, after = [], None
    while True:
        page = index.find(wanted, 10, after, newest=newest)
        seen += [row.number for row in page.rows]
        after = page.after
        if after is None:
            break
    assert seen == sorted(range(1, 26), reverse=newest)


def test_letters_of_very_many_kinds_are_in_their_order(tmp_path: Path) -> None:
    index = made_index(tmp_path, *(written(n, code=f"code {n % 600}") for n in range(1_300)))
    wanted = LetterFilter(action="sell")
    page = index.find(wanted, 1_000)
    assert [row.number for row in page.rows] == list(range(1, 1_001))
    assert [row.number for row in index.find(wanted, 1_000, page.after).rows] == list(range(1_001, 1_301))


def test_a_group_is_counted_as_letters_come_and_go(index: LetterIndex) -> None:
    found = {group.exception: group for group in index.groups() if group.action == "v1.sell"}
    assert {name: group.present for name, group in found.items()} == {
        "sqlalchemy.exc.OperationalError": 1,
        "builtins.KeyError": 1,
        "": 1,
    } | {"": found[""].present}
    group = found["builtins.KeyError"]
    assert (group.place, group.codes, group.total) == ("shop/stock.py", ("internal",), 1)
    assert ids(index, LetterFilter(group=group.fingerprint[:10])) == ["request-3"]
    index.feed(index.events(numbered([mark("key-3", "redriven")], index.next_offset)))
    (after,) = (each for each in index.groups() if each.fingerprint == group.fingerprint)
    assert (after.present, after.total) == (0, 1)


def test_first_and_last_seen_are_those_of_the_letters(tmp_path: Path) -> None:
    times = ("2026-11-30T10:00:00Z", "nonsense", "2026-11-30T09:00:00Z", "2026-11-30T11:00:00Z")
    index = made_index(tmp_path, *(written(n, failed_at=time) for n, time in enumerate(times)))
    (group,) = index.groups()
    assert (group.first_seen, group.last_seen) == (NOW - 3 * 3600, NOW - 3600)


@pytest.mark.parametrize("what", ["redriven", "discarded", "edited", "gone"])
def test_a_mark_says_what_became_of_a_letter(tmp_path: Path, what: str) -> None:
    index = made_index(tmp_path, written(1), mark("key-1", what), mark("nobody", what))
    assert ids(index, LetterFilter()) == []
    assert ids(index, LetterFilter(state=LetterState(what))) == ["request-1"]
    assert index.copies() == 0


def test_a_letter_that_comes_again_is_present_again(tmp_path: Path) -> None:
    index = made_index(tmp_path, written(1), mark("key-1", "discarded"))
    index.feed(index.events(numbered([written(1), mark("key-1", "restored")], index.next_offset)))
    assert (index.count(), index.copies()) == (1, 1)
    assert [(group.present, group.total) for group in index.groups()] == [(1, 1)]


def test_a_mark_that_came_through_an_exchange_is_a_strangers_message(tmp_path: Path) -> None:
    index = made_index(tmp_path, written(1), mark("key-1", "discarded", exchange="api.letters"))
    assert index.count(LetterFilter(ids=("key-1",))) == 1


def test_copies_are_one_letter(tmp_path: Path) -> None:
    index = made_index(tmp_path, written(1), written(1), moved(2), moved(2), written(1))
    assert (index.count(), index.copies()) == (2, 5)


def test_what_was_read_before_is_not_read_twice(tmp_path: Path) -> None:
    first, second = made_index(tmp_path), made_index(tmp_path)
    events = first.events(numbered([written(1), written(1), mark("key-1", "gone")]))
    assert (first.feed(events[:2]), second.feed(events), first.feed(events)) == (2, 1, 0)
    assert first.next_offset == second.next_offset == 3
    assert first.count(LetterFilter(state=LetterState.GONE)) == 1


def test_letters_that_were_seen_in_the_queue_are_added_once(tmp_path: Path) -> None:
    index = made_index(tmp_path, written(1), written(2), mark("key-2", "redriven"))
    index.adopt([written(0), written(1), written(2)])
    index.adopt([written(0)])
    assert (index.count(), index.copies(), index.next_offset) == (3, 3, 3)


def test_one_letter_is_shown_whole(index: LetterIndex) -> None:
    row = index.read("key-3")
    assert row is not None
    assert row.document is not None
    assert row.document["letter"]["place"] == "shop/stock.py:12"
    assert row.document["correlation_id"] == "request-3"
    assert (row.size, row.failed_at) == (len(LETTERS[2].body), NOW - 7200)
    assert index.read("nobody") is None


def test_the_file_is_for_its_owner_only(index: LetterIndex) -> None:
    assert {path.stat().st_mode & 0o777 for path in index.path.parent.iterdir()} == {0o600}


def test_the_file_keeps_what_was_fed(index: LetterIndex, tmp_path: Path) -> None:
    index.close()
    with made_index(tmp_path) as again:
        assert (again.count(), again.next_offset) == (5, 5)


def test_a_file_of_other_secrets_or_another_broker_is_made_anew(index: LetterIndex, tmp_path: Path) -> None:
    index.close()
    with made_index(tmp_path, secrets=SECRETS | {"pin"}) as other:
        assert (other.count(), other.next_offset) == (0, 0)
        other.feed(other.events(numbered([written(1)])))
    with LetterIndex(tmp_path / "letters.db", SECRETS | {"pin"}, "another broker") as another:
        assert another.count() == 0


def test_a_file_of_another_version_is_made_anew(index: LetterIndex, tmp_path: Path) -> None:
    index.close()
    with sqlite3.connect(tmp_path / "letters.db") as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with made_index(tmp_path) as again:
        assert again.count() == 0


def test_a_broken_file_is_made_anew(index: LetterIndex, tmp_path: Path) -> None:
    index.close()
    path = tmp_path / "letters.db"
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)
    with made_index(tmp_path, written(1)) as again:
        assert again.count() == 1


@pytest.mark.parametrize("content", [b"important", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_not_an_index_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letters.db").write_bytes(content)
    with pytest.raises(IndexTrouble, match="stays as it is"):
        made_index(tmp_path)
    assert (tmp_path / "letters.db").read_bytes() == content


def test_a_rebuilt_index_reads_the_stream_from_its_beginning(index: LetterIndex) -> None:
    index.rebuild()
    assert (index.count(LetterFilter(state=LetterState.ANY)), index.next_offset, index.groups()) == (0, 0, [])
    index.feed(index.events(numbered(LETTERS)))
    assert index.count() == 5
