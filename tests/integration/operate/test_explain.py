"""What is known of a request: from its rows and its letter, and what cannot be known."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from leveret.inbox.journal import Journal
from leveret.letters.filters import LetterFilter
from leveret.letters.index import LetterIndex
from leveret.operate.explain import Explanation, Findings, RequestState, explain
from leveret.operate.explain.question import FactSource, Question
from leveret.operate.explain.queues import letter_facts
from leveret.operate.explain.rows import ask_rows
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from support.trying import Running, running_shop


async def explained(shop: Running, request_id: str) -> Explanation:
    """Explain a request from its rows, and from the letters at the broker in memory."""
    letters = await shop.letters()

    async def ask_letters(question: Question) -> Findings:
        with LetterIndex(shop.folder / f"{request_id}.index", question.secrets, "the shop") as index:
            index.adopt(letters)
            found = index.find(LetterFilter(ids=(question.id,))).rows
            rows = [row for each in found if (row := index.read(each.key))]
        return Findings(tuple(fact for row in rows for fact in letter_facts(row)))

    sources: Mapping[str, FactSource] = {"database": ask_rows, "letters": ask_letters}
    return await explain(shop.shop.app, shop.settings, request_id, sources=sources)


async def test_a_letter_tells_of_its_attempts_and_why_it_was_given_up(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await shop.become_letters(("a", "order", "card"), ("b", "order", "disk"))
    (story,) = (await explained(shop, "a")).stories
    assert (story.principal, story.state) == ("7", RequestState.LETTER)
    assert [(fact.event.value, fact.text) for fact in story.facts] == [
        ("failed", "an attempt failed: RuntimeError: the card is away"),
        ("given_up", "it was given up: retries exhausted: RuntimeError: the card is away"),
        ("letter", "its dead letter is in the queue"),
    ]
    assert story.facts[0].source == "dead letters, worker test"


async def test_a_request_that_was_sent_again_is_done_with_its_answer(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await shop.become_letters(("a", "order", "card"))
    shop.shop.broken.clear()
    await shop.redrive()
    async with shop.worker():
        await shop.until_executed({"a"})
    explanation = await explained(shop, "a")
    (story,) = explanation.stories
    assert (story.state, story.facts[0].text) == (RequestState.DONE, "v1.order was executed with success")
    assert story.facts[0].details["reply"]["data"] == 1
    assert explanation.blind == ()


async def test_an_attempt_on_record_is_told(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await asyncio.to_thread(_begin, shop.settings.database_url)
    (story,) = (await explained_rows(shop, "a")).stories
    assert (story.state, story.facts[0].details) == (RequestState.ON_RECORD, {"attempts": 1})


def _begin(url: str) -> None:
    engine = create_engine(url)
    store = Store(engine)
    Journal().begin(store, [RequestKey("7", "a")])
    store.close()
    engine.dispose()


async def explained_rows(shop: Running, request_id: str) -> Explanation:
    return await explain(shop.shop.app, shop.settings, request_id, sources={"database": ask_rows})


async def test_where_no_response_is_stored_it_says_what_that_may_mean(tmp_path: Path) -> None:
    explanation = await explained_rows(running_shop(tmp_path), "nobody")
    assert explanation.stories == ()
    assert "its action only reads, which keeps no row" in explanation.blind[0].why


async def test_a_database_that_is_away_is_a_blind_spot(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    shop.settings = replace(shop.settings, database_url=f"sqlite:///{tmp_path}/gone.db")
    explanation = await explained_rows(shop, "a")
    assert [spot.source for spot in explanation.blind] == ["database"]
    assert "gone.db" in explanation.blind[0].why


async def test_a_source_that_hangs_is_a_blind_spot(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)

    async def hang(_: Question) -> Findings:
        await asyncio.Event().wait()
        return Findings()

    explanation = await explain(shop.shop.app, shop.settings, "a", sources={"workers": hang}, limit=0.01)
    assert [spot.why for spot in explanation.blind] == ["it has not answered within 0.01 s"]
