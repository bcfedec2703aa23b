"""No password and no token is written down: not in a letter, not in a queue, not in the log, not in the database."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from leveret.letters.letter import Letter
from leveret.letters.redrive import NotRedrivable
from leveret.testing import AsyncTestClient
from leveret.wire.letter import LetterBody

PASSWORD = "correct horse battery staple"


def written(letter: Letter) -> str:
    assert isinstance(letter.content, LetterBody)
    return f"{letter.content} {letter.headers}"


async def test_a_password_is_neither_in_the_letter_nor_in_the_log_nor_in_the_database(
    client: AsyncTestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await client.send("sign_up", {"user": "bug", "password": PASSWORD}, id="up")
    await client.advance("1s")
    await client.call("sign_up", {"user": "ada", "password": PASSWORD})
    [letter] = await client.letters()
    assert isinstance(letter.content, LetterBody)
    assert letter.content.request["data"]["user"] == "bug"
    assert PASSWORD not in written(letter)
    assert PASSWORD not in caplog.text
    with client.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM processed_requests")).all()
    assert len(rows) == 1
    assert PASSWORD not in repr(rows)
    with pytest.raises(NotRedrivable, match="lacks what must not be written down"):
        await client.redrive("up")


async def test_a_token_is_in_no_letter_and_in_no_log_line(
    user: AsyncTestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await user.send("write", {"text": f"mine is {user._token}", "then": "bug"}, id="a")
    await user.send("no_such_action", id="b")
    await user.advance("1s")
    letters = await user.letters()
    assert len(letters) == 2
    signature = user._token.rpartition(".")[2]
    assert not [letter for letter in letters if signature in written(letter)]
    assert signature not in caplog.text
