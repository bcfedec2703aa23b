"""`taskmanager keys`: the rotation of operations.md, step by step, seen by a keyring that follows the file."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from typer.testing import CliRunner

from leveret.auth.key_file import KeyFile
from leveret.auth.keyring import Keyring, Principal, Ticket
from leveret.cli.ending.endings import WrongUse
from leveret.errors import SettingsError, Unauthenticated
from leveret.settings import environment
from taskmanager.actions import app
from taskmanager.cli.command import command
from taskmanager.settings import Settings

HOUR = timedelta(hours=1)
SECRET, NEXT_SECRET = "s" * 32, "n" * 32


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the keys, which is not there yet."""
    path = tmp_path / "keys.json"
    for name in [name for name in environment() if name.startswith("TASKMANAGER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TASKMANAGER_JWT_KEYS", str(path))
    monkeypatch.setenv("TASKMANAGER_JWT_SECRET", SECRET)
    return path


def keys(*arguments: str) -> str:
    """Run one command and return what it prints."""
    done = CliRunner().invoke(command.typer, ["keys", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    with pytest.raises(WrongUse) as caught:
        keys(*arguments)
    return str(caught.value)


def follower(path: Path) -> Keyring:
    """A worker's keyring, with the file as it is now."""
    return app.keyring(Settings(jwt_secret=SECRET.encode(), jwt_keys=path))


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("ed25519", "EdDSA"), ("p256", "ES256"), ("rsa", "RS256"), ("oct", "HS256")]
)
def test_a_new_key_verifies_first_and_signs_when_told_to(path: Path, kind: str, algorithm: str) -> None:
    assert keys("add", "2026-06", "--kind", kind) == f"{path}: 2026-06 ({algorithm})\n"
    worker, file = follower(path), KeyFile(path)
    assert "kid" not in jwt.get_unverified_header(worker.issue("7", HOUR))
    assert keys("sign", "2026-06") == f"{path}: 2026-06 ({algorithm}, signs)\n"
    file.look(worker.use)
    assert jwt.get_unverified_header(worker.issue("7", HOUR))["kid"] == "2026-06"
    assert keys("show") == f"{path}: 2026-06 ({algorithm}, signs)\n"


def test_a_key_is_replaced_and_nobody_is_logged_out_before_its_tokens_have_expired(path: Path) -> None:
    keys("add", "old")
    keys("sign", "old")
    worker, file = follower(path), KeyFile(path)
    first = worker.issue("7", HOUR)
    for step in (("add", "new"), ("sign", "new")):
        keys(*step)
        file.look(worker.use)
        assert worker.verify(first) == worker.verify(worker.issue("7", HOUR)) == Principal("7")
    assert keys("show") == f"{path}: old (EdDSA), new (EdDSA, signs)\n"
    keys("remove", "old")
    file.look(worker.use)
    with pytest.raises(Unauthenticated):
        worker.verify(first)


def test_a_secret_is_replaced_while_requests_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("secret", "secret-1")
    monkeypatch.setenv("TASKMANAGER_JWT_SECRET", NEXT_SECRET)
    assert keys("secret", "secret-2") == f"{path}: secret-1 (secret), secret-2 (secret)\n"
    ticket = Ticket(Principal("7"), "a1", 1)
    both = [app.keyring(Settings(jwt_secret=secret.encode(), jwt_keys=path)) for secret in (SECRET, NEXT_SECRET)]
    for maker in both:
        assert [reader.read_ticket(maker.issue_ticket(ticket), "a1") for reader in both] == [ticket, ticket]
    assert "not a key of tokens" in refused("sign", "secret-1")


def test_no_key_becomes_both_a_secret_and_a_key_of_tokens(path: Path) -> None:
    shared = {"kty": "oct", "kid": "a", "k": jwt.utils.base64url_encode(SECRET.encode()).decode()}
    path.write_text(json.dumps({"keys": [shared]}))
    assert "key of tokens too (as 'a')" in refused("secret", "b")


def test_a_secret_is_noted_and_never_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASKMANAGER_JWT_SECRET")
    monkeypatch.chdir(path.parent)
    with pytest.raises(SettingsError, match="run this in their folder"):
        keys("secret", "b")
    with pytest.raises(SettingsError, match="run this in their folder"):
        app.redriver(Settings())
    assert list(path.parent.iterdir()) == []


def test_when_the_signer_goes_it_is_said_who_signs_now(path: Path) -> None:
    for step in (("add", "a"), ("add", "b"), ("sign", "a")):
        keys(*step)
    assert "signs the tokens" not in keys("remove", "b")
    assert keys("remove", "a").endswith("the secret signs the tokens of all logins from now on.\n")


def test_what_cannot_be_done_is_said_and_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys("add", "a")
    before = path.read_bytes()
    assert "'a' is there already" in refused("add", "a")
    assert "No key is named 'b': there are a" in refused("sign", "b")
    assert "No key is named 'b'" in refused("remove", "b")
    assert "needs a kid" in refused("add", "")
    assert "needs a kid" in refused("add", "", "--kind", "oct")
    assert path.read_bytes() == before
    public: dict[str, Any] = json.loads(before)["keys"][0]
    del public["d"]
    path.write_text(json.dumps({"keys": [public]}))
    assert "has no private part" in refused("sign", "a")
    path.write_text("{")
    for arguments in (("show",), ("add", "c"), ("sign", "a"), ("remove", "a")):
        assert "this is not JSON" in refused(*arguments)
    path.unlink()
    assert "No such file" in refused("show")
    monkeypatch.delenv("TASKMANAGER_JWT_KEYS")
    assert "TASKMANAGER_JWT_KEYS is not set" in refused("show")


def test_nothing_of_a_key_is_printed(path: Path) -> None:
    printed = keys("add", "a") + keys("add", "b", "--kind", "oct") + keys("sign", "a") + keys("show")
    written = json.loads(path.read_text())["keys"]
    for key in written:
        assert not [value for name, value in key.items() if name in {"d", "x", "k"} and value in printed]


def test_keys_of_an_issuer_in_the_file_stay_and_are_named(path: Path) -> None:
    strange = [{"kid": "enc", "kty": "RSA", "use": "enc"}, {"kty": "EC"}, "odd", {"kid": "text", "key_ops": "sign"}]
    path.write_text(json.dumps({"keys": strange}))
    assert keys("show").splitlines() == [
        f"{path}: none",
        "passed over: key 'enc': its values are not an RSA key",
        "passed over: key number 2 needs a kid: a text of 1 to 128 printable characters",
        "passed over: key number 3 needs a kid: a text of 1 to 128 printable characters",
        "passed over: key 'text': key_ops is not a list of texts",
    ]
    assert keys("add", "ours").startswith(f"{path}: ours (EdDSA)\npassed over: key 'enc'")
    assert keys("sign", "ours").startswith(f"{path}: ours (EdDSA, signs)\n")
    assert "'enc': its values are not an RSA key" in refused("sign", "enc")
    assert json.loads(path.read_text())["keys"][:4] == strange
    assert keys("remove", "enc").startswith(f"{path}: ours (EdDSA, signs)\npassed over: key number 1")


def test_a_file_that_cannot_be_written_is_named_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = path.parent / "missing" / "keys.json"
    monkeypatch.setenv("TASKMANAGER_JWT_KEYS", str(missing))
    assert refused("add", "a") == f"{missing} was not changed: No such file or directory"
