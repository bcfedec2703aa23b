"""Trying letters in a process of its own: an action may hang there, or end it, and the next letter is tried."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from leveret.amqp import Delivery
from leveret.errors import SettingsError, StorageUnavailable
from leveret.operate.what_if import PredictedEnd
from leveret.operate.what_if.trying import TrialFailed, try_letters
from support.trying import Running, running_shop

Letters = list[Delivery]


def shop_with_letters(folder: Path, *causes: str) -> tuple[Running, Letters]:
    """Have orders become letters, one for each cause, and mend all causes."""

    async def make() -> tuple[Running, Letters]:
        shop = running_shop(folder)
        await shop.become_letters(*((f"{number}", "order", cause) for number, cause in enumerate(causes)))
        return shop, await shop.letters()

    shop, letters = asyncio.run(make())
    shop.shop.broken.clear()
    return shop, letters


def predicted(shop: Running, letters: Letters, limit: float = 30) -> list[tuple[str, str]]:
    found = list(try_letters(shop.shop.app, shop.settings, letters, named=True, limit=limit))
    assert [each.id for each in found] == [f"{number}" for number in range(len(letters))]
    return [(each.end.value, each.code) for each in found]


def test_letters_are_tried_beside_this_process_and_nothing_is_left(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, "disk", "key", "card")
    shop.shop.broken = {"key"}
    before, sent = shop.dump(), len(shop.shop.sent)
    assert predicted(shop, letters) == [("succeeds", ""), ("fails", "retries_exhausted"), ("succeeds", "")]
    assert (shop.dump(), len(shop.shop.sent)) == (before, sent)


def test_an_action_that_hangs_has_no_end_and_the_next_letter_is_tried(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, "disk", "key", "card")
    shop.shop.instead["key"] = lambda: time.sleep(3600)
    assert predicted(shop, letters, limit=0.5) == [("succeeds", ""), ("unknown", "no_end"), ("succeeds", "")]


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def left() -> NoReturn:
    os._exit(7)


@pytest.mark.parametrize(("end", "words"), [(killed, "was ended by SIGKILL"), (left, "ended with exit code 7")])
def test_an_action_that_ends_the_process_would_end_the_worker(
    tmp_path: Path, end: Callable[[], None], words: str
) -> None:
    shop, letters = shop_with_letters(tmp_path, "key", "disk")
    shop.shop.instead["key"] = end
    first, second = try_letters(shop.shop.app, shop.settings, letters, named=True)
    assert (first.end, first.code, second.end) == (PredictedEnd.FAILS, "workers_died", PredictedEnd.SUCCEEDS)
    assert words in first.why


def test_after_three_letters_without_an_end_others_of_their_action_are_not_tried(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, *["key"] * 5)
    shop.shop.instead["key"] = killed
    died, skipped = ("fails", "workers_died"), ("unknown", "skipped")
    assert predicted(shop, letters) == [died, died, died, skipped, skipped]


def test_what_an_action_prints_is_not_in_the_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shop, letters = shop_with_letters(tmp_path, "key")
    shop.shop.instead["key"] = lambda: os.write(1, b"a line of its own\n")
    capfd.readouterr()
    assert predicted(shop, letters) == [("succeeds", "")]
    captured = capfd.readouterr()
    assert ("a line of its own" in captured.out, "a line of its own" in captured.err) == (False, True)


def test_nothing_is_tried_on_a_database_with_other_tables(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, "key")
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("DROP TABLE orders")
    connection.close()
    with pytest.raises(SettingsError, match="here it is not changed: run `leveret db upgrade` first"):
        predicted(shop, letters)


def test_nothing_is_tried_while_the_database_is_away(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, "disk", "key")

    def take_away() -> None:
        for path in tmp_path.iterdir():
            path.rename(path.with_suffix(".gone"))

    shop.shop.instead["disk"] = take_away
    with pytest.raises(StorageUnavailable):
        predicted(shop, letters)


def test_a_lifespan_that_fails_is_told(tmp_path: Path) -> None:
    shop, letters = shop_with_letters(tmp_path, "key")

    @shop.shop.app.lifespan
    async def life() -> AsyncIterator[None]:
        if letters:
            raise ValueError("no such host")
        yield

    with pytest.raises(TrialFailed, match="letters cannot be tried: ValueError: no such host"):
        predicted(shop, letters)
