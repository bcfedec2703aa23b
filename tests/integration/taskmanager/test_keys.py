"""The keyring of the application, with a file of keys."""

from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from leveret.auth.keyring import Principal
from leveret.errors import SettingsError
from support.tokens import ed_jwk, key_set
from taskmanager.actions import app
from taskmanager.settings import Settings
from testbed.waiting import wait_until

HOUR = timedelta(hours=1)


def settings(folder: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{folder / 'tasks.db'}", jwt_secret=b"s" * 32, jwt_keys=folder / "keys.json"
    )


def kid(token: str) -> object:
    return jwt.get_unverified_header(token).get("kid")


def test_a_file_that_cannot_be_used_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError,
        match=r"^TASKMANAGER_JWT_KEYS: .* No such file .*`taskmanager keys add KID` makes it$",
    ):
        app.keyring(settings(tmp_path))
    (tmp_path / "keys.json").write_bytes(key_set(ed_jwk(kid="a", key_ops=["sign"])))
    with pytest.raises(SettingsError, match=r"keys.json: key 'a': key_ops says \"sign\", but it has no private part$"):
        app.keyring(settings(tmp_path))


async def test_a_worker_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(ed_jwk(private=True, kid="a", key_ops=["sign"])))
    async with app.worker(settings(tmp_path), "test") as worker:
        keyring = worker._intake._keyring
        assert kid(given := keyring.issue("7", HOUR)) == "a"
        assert keyring.verify(given) == Principal("7")
        draft = tmp_path / "draft.json"
        draft.write_bytes(key_set(ed_jwk(private=True, kid="b", key_ops=["sign"])))
        draft.replace(file)
        wait_until(lambda: kid(keyring.issue("7", HOUR)) == "b", "the new key")
