"""Who may read secrets, and how long and old they are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from leveret.auth.key_file import KeyFile
from leveret.auth.new_keys import KeyType, new_key
from leveret.operate.doctor.here.secret_files import keys, secret, secret_file
from support.installations import SECRET, installation, only, states


def test_a_secret_in_the_environment_is_measured_and_not_shown() -> None:
    finding = only(secret(installation()))
    assert finding.state == "ok"
    assert f"{len(SECRET)} bytes" in finding.text
    assert secret_file(installation()) == []


def test_a_secret_that_can_be_guessed_is_wrong() -> None:
    finding = only(secret(installation(JWT_SECRET="abab" * 10)))
    assert finding.state == "wrong"
    assert "only 2 different signs" in finding.text


def test_the_secret_beside_a_file_is_checked_when_it_is_there(tmp_path: Path) -> None:
    examined = installation(JWT_SECRET="", DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")
    assert states(secret(examined)) == ["warning"]
    assert secret_file(examined) == []
    path = tmp_path / "taskmanager.secret"
    path.write_text("short")
    assert states(secret(examined)) == ["wrong"]
    path.write_text(SECRET)
    assert states(secret(examined)) == ["ok"]


@pytest.mark.parametrize(
    ("mode", "state"), [(0o600, "ok"), (0o400, "ok"), (0o640, "warning"), (0o644, "wrong"), (0o604, "wrong")]
)
def test_a_file_with_a_secret_is_for_its_owner(tmp_path: Path, mode: int, state: str) -> None:
    path = tmp_path / "taskmanager.secret"
    path.write_text(SECRET)
    path.chmod(mode)
    finding = only(secret_file(installation(JWT_SECRET="", DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")))
    assert finding.state == state
    assert f"{mode:04o}" in finding.text


def test_an_old_secret_should_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "taskmanager.secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    year = time.time() - 400 * 86400
    os.utime(path, (year, year))
    examined = installation(JWT_SECRET="", DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")
    right, old = secret_file(examined)
    assert (right.state, old.state) == ("ok", "warning")
    assert "400 days" in old.text


def test_the_file_with_keys_is_read_and_its_rights_count_if_it_holds_private_ones(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    examined = installation(JWT_KEYS=str(path))
    assert states(keys(installation())) == ["ok"]
    assert states(keys(examined)) == ["wrong"]
    KeyFile(path).add(new_key(KeyType.ED25519, "2026-12"))
    assert states(keys(examined)) == ["ok", "ok"]
    path.chmod(0o644)
    assert states(keys(examined)) == ["ok", "wrong"]
