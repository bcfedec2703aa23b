import os
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leveret.errors import SettingsError
from leveret.settings.secret import local_secret

SETTING = "TASKMANAGER_JWT_SECRET"


def test_a_secret_is_made_once_and_then_read(tmp_path: Path) -> None:
    file = tmp_path / "taskmanager.secret"
    secret = local_secret(file, SETTING)
    assert len(secret) == 64
    assert local_secret(file, SETTING) == secret
    assert local_secret(tmp_path / "other.secret", SETTING) != secret


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        local_secret(tmp_path / "taskmanager.secret", SETTING)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "taskmanager.secret").stat().st_mode) == 0o600


def test_all_who_start_at_once_agree_and_leave_nothing_else_behind(tmp_path: Path) -> None:
    file = tmp_path / "taskmanager.secret"
    barrier = threading.Barrier(8)

    def start(_: int) -> bytes:
        barrier.wait(10)
        return local_secret(file, SETTING)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taskmanager.secret"]


def test_a_file_that_holds_too_little_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "taskmanager.secret"
    file.write_text("short\n")
    with pytest.raises(SettingsError, match="holds 5 bytes"):
        local_secret(file, SETTING)
    assert file.read_text() == "short\n"


def test_a_place_that_cannot_be_written_is_a_problem_in_words(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TASKMANAGER_JWT_SECRET is not set"):
        local_secret(tmp_path / "nowhere" / "taskmanager.secret", SETTING)


def test_who_only_reads_makes_none_and_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "taskmanager.secret"
    with pytest.raises(SettingsError, match=r"there is no .*taskmanager\.secret, .* run this in their folder"):
        local_secret(file, SETTING, make=False)
    assert list(tmp_path.iterdir()) == []
    assert local_secret(file, SETTING) == local_secret(file, SETTING, make=False)


def test_a_file_with_a_key_of_another_kind_is_refused_before_any_login_is(tmp_path: Path) -> None:
    file = tmp_path / "taskmanager.secret"
    file.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ")
    with pytest.raises(SettingsError, match=r"taskmanager\.secret cannot be used: .* PEM or SSH key"):
        local_secret(file, SETTING)
