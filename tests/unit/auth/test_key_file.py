"""The file with the keys is read again when it changes, and a broken one changes nothing."""

import inspect
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.auth.key_file import KeyFile
from leveret.auth.keys import KeySet, KeySetError
from support.tokens import ec_jwk, ed25519, ed_jwk, key_set, oct_jwk, rsa_jwk, whole_key_set
from testbed.waiting import wait_until

OTHERS = key_set(ed_jwk(ed25519("other"), kid="other"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_bytes(whole_key_set())
    return path


def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(path: Path) -> None:
    assert set(KeyFile(path).read().tokens) == {"oct", "ed", "ec", "rsa"}
    path.write_bytes(b"{")
    with pytest.raises(KeySetError, match=rf"{path}: this is not JSON: .* in line 1"):
        KeyFile(path).read()
    path.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(KeySetError, match="more than 1048576 bytes"):
        KeyFile(path).read()
    path.unlink()
    with pytest.raises(KeySetError, match=rf"{path} cannot be read: No such file"):
        KeyFile(path).read()
    with pytest.raises(KeySetError, match="cannot be read"):
        KeyFile(path.parent).read()


def test_keys_are_handed_on_once_for_each_change(path: Path) -> None:
    file, used = KeyFile(path), list[KeySet]()
    for document in (whole_key_set(), whole_key_set(), OTHERS, OTHERS, whole_key_set()):
        path.write_bytes(document)
        file.look(used.append)
    assert [sorted(keys.tokens) for keys in used] == [["ec", "ed", "oct", "rsa"], ["other"], ["ec", "ed", "oct", "rsa"]]


def test_a_broken_file_changes_nothing_and_is_reported_once_for_each_reason(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, used = KeyFile(path), list[KeySet]()
    caplog.set_level(logging.INFO, "leveret.keys")
    file.look(used.append)
    for document in (b"{", b"{", key_set(oct_jwk(b"short", kid="x")), whole_key_set()):
        path.write_bytes(document)
        file.look(used.append)
    path.unlink()
    file.look(used.append)
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "ERROR", "INFO", "ERROR"]
    first, json, kid, again, gone = caplog.messages
    assert first == again == f"keys of {path}: oct (HS256), ed (EdDSA), ec (ES256), rsa (RS256), former (secret)"
    assert json.startswith(f"keys stay as they were: {path}: this is not JSON")
    assert kid.startswith(f"keys stay as they were: {path}: key 'x': it has 5 bytes")
    assert gone.startswith(f"keys stay as they were: {path} cannot be read: No such file")
    assert len(used) == 2


def test_a_file_is_followed_until_the_end(path: Path) -> None:
    used: list[KeySet] = []
    with KeyFile(path).followed(used.append, every=timedelta(milliseconds=10)):
        wait_until(lambda: used, "the first look")
        replace(path, OTHERS)
        wait_until(lambda: "other" in used[-1].tokens, "the new keys")
    assert "keys" not in {thread.name for thread in threading.enumerate()}


def test_without_other_wishes_a_withdrawn_key_is_out_within_two_seconds() -> None:
    assert inspect.signature(KeyFile.followed).parameters["every"].default <= timedelta(seconds=2)


def test_a_look_that_fails_is_not_the_last_one(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    used: list[KeySet] = []

    def use(keys: KeySet) -> None:
        if not caplog.records:
            raise RuntimeError("nobody foresaw this")
        used.append(keys)

    file = KeyFile(path)
    with file.followed(use, every=timedelta(milliseconds=10)):
        wait_until(lambda: caplog.records, "the failure")
        replace(path, OTHERS)
        wait_until(lambda: used, "the new keys")
    assert "nobody foresaw this" in caplog.text


def test_keys_that_are_passed_over_are_told_once_and_a_withdrawn_key_is_out(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, used = KeyFile(path), list[KeySet]()
    caplog.set_level(logging.WARNING, "leveret.keys")
    strange = rsa_jwk(kid="enc", use="enc")
    path.write_bytes(key_set(ed_jwk(kid="a"), ec_jwk(kid="b"), strange))
    file.look(used.append)
    path.write_bytes(key_set(ec_jwk(kid="b"), strange))
    file.look(used.append)
    assert [sorted(keys.tokens) for keys in used] == [["a", "b"], ["b"]]
    assert caplog.messages == [f"keys of {path}: passed over: key 'enc': use 'enc' does not fit: only sig is"]
    path.write_bytes(key_set(ec_jwk(kid="b")))
    file.look(used.append)
    path.write_bytes(key_set(ec_jwk(kid="b"), strange))
    file.look(used.append)
    assert len(caplog.messages) == 2


def replace(path: Path, document: bytes) -> None:
    """Put a complete file in the other's place."""
    draft = path.with_suffix(".new")
    draft.write_bytes(document)
    draft.replace(path)
