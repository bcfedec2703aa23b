"""A file with keys is replaced as a whole, and never shows a secret to more people than before."""

import json
from pathlib import Path
from typing import Any

import pytest

from leveret.auth.key_file import KeyFile, KeyFileUnchanged
from leveret.auth.keys import KeySetError
from leveret.auth.new_keys import KeyType, new_key, secret_entry

SECRET = b"s" * 32


def ed25519(kid: str) -> dict[str, Any]:
    return new_key(KeyType.ED25519, kid)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a file with one key."""
    path = tmp_path / "keys.json"
    KeyFile(path).add(ed25519("a"))
    return path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_is_the_owners_only_and_a_changed_one_keeps_its_permissions(path: Path) -> None:
    assert mode(path) == 0o600
    path.chmod(0o640)
    KeyFile(path).add(ed25519("b"))
    assert mode(path) == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("entry", [ed25519("b"), new_key(KeyType.OCT, "b"), secret_entry(SECRET, "b")])
def test_a_file_that_everybody_could_read_is_closed_when_something_secret_comes_in(
    path: Path, entry: dict[str, Any]
) -> None:
    public: dict[str, Any] = json.loads(path.read_bytes())["keys"][0]
    del public["d"]
    path.write_text(json.dumps({"keys": [public, {**public, "kid": "c"}]}))
    path.chmod(0o644)
    KeyFile(path).remove("c")
    assert mode(path) == 0o644
    KeyFile(path).add(entry)
    assert mode(path) == 0o640


def test_a_file_whose_owner_cannot_be_kept_is_not_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.chown", refuse, raising=False)
    with pytest.raises(KeyFileUnchanged, match="that could not be kept: run this as its owner or as root"):
        KeyFile(path).add(ed25519("b"))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_a_link_goes_on_pointing_to_the_file(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    assert KeyFile(link).add(ed25519("b")).summary() == KeyFile(path).read().summary() == "a (EdDSA), b (EdDSA)"
    assert link.is_symlink()


def test_one_key_signs_after_the_other(path: Path) -> None:
    file = KeyFile(path)
    file.add(ed25519("b"))
    assert file.sign_with("a").summary() == "a (EdDSA, signs), b (EdDSA)"
    assert file.sign_with("b").summary() == "a (EdDSA), b (EdDSA, signs)"
    assert file.remove("b").signer is None


def test_what_cannot_be_done_changes_nothing(path: Path) -> None:
    file, before = KeyFile(path), path.read_bytes()
    with pytest.raises(KeyFileUnchanged, match="'a' is there already"):
        file.add(ed25519("a"))
    with pytest.raises(KeyFileUnchanged, match="needs a kid"):
        file.add(new_key(KeyType.OCT, ""))
    for change in (file.sign_with, file.remove):
        with pytest.raises(KeyFileUnchanged, match="No key is named 'b': there are a"):
            change("b")
    assert path.read_bytes() == before
    path.write_text("{")
    for change in (file.sign_with, file.remove, lambda kid: file.add(ed25519(kid))):
        with pytest.raises(KeySetError, match="this is not JSON"):
            change("c")
    assert path.read_text() == "{"
