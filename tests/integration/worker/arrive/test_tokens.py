"""Who gets past a real worker, and what a change of keys does to requests under way."""

import json
import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret.auth.key_file import KeyFile
from leveret.auth.keyring import Keyring
from leveret.auth.keys import read_key_set
from support.forged_tokens import FORGED, GOOD
from support.serving import Caller, Serve, until
from support.tokens import ISSUER, OTHER_SECRET, SECRET, ed25519, ed_jwk, key_set, oct_jwk, token, whole_key_set

TEN_MINUTES = timedelta(minutes=10)
BOTH = key_set(
    oct_jwk(SECRET, kid="this-year", key_ops=["deriveKey"]),
    oct_jwk(OTHER_SECRET, kid="last-year", key_ops=["deriveKey"]),
)


def request(request_id: str, auth: str, action: str = "write", **data: Any) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": action, "data": data, "auth": auth}


def keyring(secret: bytes = SECRET, document: bytes = b'{"keys": []}') -> Keyring:
    return Keyring(secret, issuer=ISSUER, keys=read_key_set(document))


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> list[Keyring]:
    """Keyrings; the last one is that of the workers that start from now on."""
    rings = [keyring(document=whole_key_set())]
    monkeypatch.setattr("support.serving.keyring", lambda: rings[-1])
    return rings


async def test_every_forged_token_is_answered_alike_and_has_no_effect(
    serve: Serve, caller: Caller, ring: list[Keyring], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    forged = {name: forge(time.time()) for name, forge in FORGED.items() if name != "a NUL within"}  # not strict JSON
    answers: dict[str, list[str]] = {}
    async with serve():
        for number, (name, auth) in enumerate(forged.items()):
            answer = await caller.ask(request(f"f{number}", auth, text="x"))
            assert answer.pop("correlation_id") == f"f{number}"
            answers.setdefault(json.dumps(answer), []).append(name)
        assert (await caller.ask(request("c1", token(now=time.time()), "count")))["data"] == 0
    refusal = {
        "status": "error",
        "data": None,
        "error": "Token missing, invalid or expired",
        "code": "unauthenticated",
    }
    assert list(answers) == [json.dumps(refusal)], answers
    assert not [auth for auth in forged.values() if len(auth) > 40 and auth in caplog.text]


async def test_every_good_token_is_executed(serve: Serve, caller: Caller, ring: list[Keyring]) -> None:
    async with serve():
        for number, forge in enumerate(GOOD.values()):
            answer = await caller.ask(request(f"g{number}", forge(time.time()), text="x"))
            assert answer["status"] == "ok", answer
        assert (await caller.ask(request("c1", token(now=time.time()), "count")))["data"] == len(GOOD)


async def test_keys_are_rotated_while_a_worker_runs(
    serve: Serve, caller: Caller, ring: list[Keyring], tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    new = ed_jwk(ed25519("new"), private=True, kid="new")
    steps = [
        key_set(ed_jwk(private=True, kid="ed", key_ops=["sign"])),
        key_set(ed_jwk(private=True, kid="ed", key_ops=["sign"]), new),
        key_set(ed_jwk(kid="ed"), {**new, "key_ops": ["sign", "verify"]}),
        key_set({**new, "key_ops": ["sign", "verify"]}),
    ]
    file, status = KeyFile(path), list[list[str]]()
    issued: list[str] = []
    async with serve():
        for step, document in enumerate(steps):
            path.write_bytes(document)
            file.look(ring[-1].use)
            issued.append(ring[-1].issue("7", TEN_MINUTES))
            answers = [await caller.ask(request(f"{step}-{n}", auth, "count")) for n, auth in enumerate(issued)]
            status.append([answer["status"] for answer in answers])
    assert status == [["ok"], ["ok", "ok"], ["ok", "ok", "ok"], ["error", "error", "ok", "ok"]]


async def test_a_request_that_waits_in_retry_survives_a_change_of_the_secret(
    serve: Serve, caller: Caller, ring: list[Keyring], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    ring.append(keyring(SECRET, BOTH))
    async with serve():
        await caller.send(request("r1", ring[-1].issue("7", TEN_MINUTES), text="x", then="after:temporary"))
        await until(lambda: "retry #1 for r1 because not now" in caplog.messages, "the first retry")
    ring.append(keyring(OTHER_SECRET, BOTH))
    async with serve():
        answer = await caller.reply()
    assert (answer["correlation_id"], answer["code"]) == ("r1", "retries_exhausted")


async def test_a_request_with_a_password_is_replayed_after_a_change_of_the_secret(
    serve: Serve, caller: Caller, ring: list[Keyring]
) -> None:
    signing_up = request("s1", "", "sign_up", user="ann", password="correct horse")
    async with serve():
        first = await caller.ask(signing_up)
    ring.append(keyring(OTHER_SECRET, BOTH))
    async with serve():
        assert await caller.ask(signing_up) == first
        other = await caller.ask(request("s1", "", "sign_up", user="ann", password="battery staple"))
    assert (first["status"], other["code"]) == ("ok", "id_reused")
    ring.append(keyring(OTHER_SECRET))
    async with serve():
        assert (await caller.ask(signing_up))["code"] == "id_reused"
