"""What would happen to letters: what is predicted is what then happens, and asking changes nothing."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from leveret.operate.what_if import PredictedEnd, grouped
from support.trying import CAUSES, Running, running_shop

MENDED = {"disk", "key", "rate"}


async def broken_orders(shop: Running, count: int) -> dict[str, str]:
    """Have orders become letters for all causes in turn; return the cause of each by its id."""
    causes = dict(zip(map("order {}".format, range(count)), sorted(CAUSES) * count, strict=False))
    await shop.become_letters(*((each, "order", cause) for each, cause in causes.items()))
    return causes


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_each_letter_does_what_was_predicted_for_it(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    shop = running_shop(tmp_path, request.getfixturevalue("postgres_url") if database == "postgresql" else "")
    causes = await broken_orders(shop, 100)
    shop.shop.broken -= MENDED
    shop.shop.refused = {"name"}

    before = shop.dump()
    predicted = {each.id: each.end for each in await shop.predict(await shop.letters())}
    assert shop.dump() == before
    await shop.redrive()
    async with shop.worker():
        await shop.until_letters(20)
        await shop.until_executed({each for each, cause in causes.items() if cause != "card"})
    failed = {letter.properties.correlation_id for letter in await shop.letters()}
    executed = shop.executed(causes)
    refused = {each for each in executed if causes[each] == "name"}

    assert {each for each, end in predicted.items() if end == "fails"} == failed
    assert {each for each, end in predicted.items() if end == "answered"} == refused
    assert {each for each, end in predicted.items() if end == "succeeds"} == executed - refused
    assert Counter(predicted.values()) == {"succeeds": 60, "answered": 20, "fails": 20}


async def test_asking_leaves_database_and_queue_as_they_were(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await broken_orders(shop, 20)
    shop.shop.broken.clear()
    before, letters, main = shop.dump(), await shop.letters(), (tmp_path / "shop.db").read_bytes()

    predictions = await shop.predict(letters)

    assert {each.end for each in predictions} == {PredictedEnd.SUCCEEDS}
    assert shop.shop.sent[-20:] == [each.id for each in predictions]
    assert shop.dump() == before
    assert (tmp_path / "shop.db").read_bytes() == main
    assert [letter.body for letter in await shop.letters()] == [letter.body for letter in letters]


async def test_letters_that_fail_for_one_reason_are_one_group(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await broken_orders(shop, 25)
    shop.shop.broken -= MENDED
    groups = grouped(await shop.predict(await shop.letters()))
    found = [(each.end, each.count, each.action, each.exception) for each in groups]
    assert found == [
        ("succeeds", 15, "v1.order", ""),
        ("fails", 5, "v1.order", "RuntimeError"),
        ("fails", 5, "v1.order", "ValueError"),
    ]
    assert groups[1].place.startswith("support/trying.py:")
    assert (groups[1].code, groups[1].why) == ("retries_exhausted", "RuntimeError: the card is away")


async def test_an_action_that_may_act_outside_is_not_run(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    actions = ["mail", "print", "pure", "wait"]
    await shop.become_letters(*((action, action, "disk") for action in actions))
    shop.shop.broken.clear()
    shop.shop.sent.clear()
    predicted = {each.id: each for each in await shop.predict(await shop.letters())}
    assert {each: predicted[each].end for each in actions} == {
        "mail": PredictedEnd.NOT_RUN,
        "print": PredictedEnd.NOT_RUN,
        "pure": PredictedEnd.SUCCEEDS,
        "wait": PredictedEnd.NOT_RUN,
    }
    assert "it is given a Mailer, which may act outside the database" in predicted["mail"].why
    assert "outside=True" in predicted["print"].why
    assert "async def" in predicted["wait"].why
    assert shop.shop.sent == ["pure"]


async def test_a_letter_whose_request_was_executed_is_done_whether_its_action_is_run_or_not(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await shop.become_letters(("a", "order", "disk"), ("b", "mail", "disk"))
    letters = await shop.letters()
    shop.shop.broken.clear()
    await shop.redrive()
    async with shop.worker():
        await shop.until_executed({"a", "b"})
    first, second = await shop.predict(letters)
    assert (first.end, second.end) == (PredictedEnd.DONE, PredictedEnd.DONE)
    assert first.answer == {"correlation_id": "a", "status": "ok", "data": 1, "error": None}


async def test_two_letters_that_want_the_same_unique_value_are_judged_each_alone(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await shop.become_letters(("a", "order", "disk"))
    (letter,) = await shop.letters()
    shop.shop.broken.clear()
    assert [each.end for each in await shop.predict([letter, letter])] == ["succeeds", "succeeds"]


async def test_a_letter_that_cannot_be_sent_again_is_refused_with_the_reason(tmp_path: Path) -> None:
    shop = running_shop(tmp_path)
    await shop.become_letters(("a", "order", "disk"))
    (letter,) = await shop.letters()
    forged = replace(letter, body=letter.body.replace(b"disk", b"rate"))
    (predicted,) = await shop.predict([forged])
    assert (predicted.end, predicted.code, predicted.id) == (PredictedEnd.REFUSED, "unsealed", "a")
