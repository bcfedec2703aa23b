"""``taskmanager keys``: the file with the keys of tokens, changed step by step while workers read it."""

from __future__ import annotations

import base64
import json
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from leveret.auth.key_file import KeyFile
from leveret.auth.keys import KeySet, KeySetError, read_key_set
from leveret.wire.masking import printable
from taskmanager.bootstrap import find_secret
from taskmanager.cli.endings import WrongUse
from taskmanager.cli.environment import load_settings

app = typer.Typer(no_args_is_help=True, help="The keys of tokens, in the file that TASKMANAGER_JWT_KEYS names.")

Kid = Annotated[str, typer.Argument(help="The key's name, such as 2026-12.")]

_RSA_BITS: Final = 3072

_ANYBODY: Final = 0o777
_SECRET_FOR: Final = 0o770
"""What a file with private parts or secrets permits at most: its owner and its group, as workers may need."""


class Kind(StrEnum):
    """What kind of key is made."""

    ED25519 = "ed25519"
    P256 = "p256"
    RSA = "rsa"
    OCT = "oct"


@app.command()
def show() -> None:
    """Print the names of the keys and what each is for, and which are passed over; nothing of a key is printed."""
    path = _path()
    try:
        _tell(path, KeyFile(path).read())
    except KeySetError as error:
        raise WrongUse(f"TASKMANAGER_JWT_KEYS: {error}") from error


@app.command()
def add(
    kid: Kid, *, kind: Annotated[Kind, typer.Option(help="EdDSA, ES256, RS256 or HS256 tokens.")] = Kind.ED25519
) -> None:
    """Make a new key that verifies tokens and does not sign yet; the file is made if there is none."""
    _append({**_make(kind), "kid": kid, "key_ops": ["verify"]})


@app.command()
def secret(kid: Kid) -> None:
    """Note the secret that is set now, so that its tickets and fingerprints are known when another one is set."""
    _append({**_oct(find_secret(load_settings(), make=False)), "kid": kid, "key_ops": ["deriveKey"]})


@app.command()
def sign(kid: Kid) -> None:
    """Have this key sign the tokens of all logins from now on; the others verify."""
    path = _path()
    keys = _entries(path)
    signer = _find(keys, kid)
    if signer.get("kty") == "oct" and not {"sign", "verify"} & set(signer.get("key_ops", ["verify"])):
        raise WrongUse(f"{kid!r} is a secret and no key of tokens: make one with `taskmanager keys add`")
    for key in _readable(keys):
        if isinstance(key.get("key_ops"), list) and "sign" in key["key_ops"]:
            key["key_ops"] = ["verify", *(name for name in key["key_ops"] if name not in {"sign", "verify"})]
    others = signer.get("key_ops", ["verify"])
    signer["key_ops"] = ["sign", *(others if isinstance(others, list) else [])]
    _write(path, keys)


@app.command()
def remove(kid: Kid) -> None:
    """Take a key out: its tokens are refused from now on."""
    path = _path()
    keys = _entries(path)
    keys.remove(_find(keys, kid))
    before, after = KeyFile(path).read().signer, _write(path, keys).signer
    if before is not None and after is None:
        typer.echo("No key signs any more: the secret signs the tokens of all logins from now on.")


def _path() -> Path:
    if path := load_settings().jwt_keys:
        return path
    raise WrongUse("TASKMANAGER_JWT_KEYS is not set: set it to the path of the file with the keys")


def _append(key: dict[str, Any]) -> None:
    path = _path()
    keys = _entries(path) if path.exists() else []
    if any(known.get("kid") == key["kid"] for known in _readable(keys)):
        raise WrongUse(f"{path} was not changed: a key named {key['kid']!r} stands there already")
    if reasons := read_key_set(json.dumps({"keys": [key]}).encode()).passed_over:
        raise WrongUse(f"{path} was not changed: {reasons[0]}")
    _write(path, [*keys, key])


def _entries(path: Path) -> list[Any]:
    try:
        KeyFile(path).read()
        entries: list[Any] = json.loads(path.read_bytes())["keys"]
    except KeySetError as error:
        raise WrongUse(f"TASKMANAGER_JWT_KEYS: {error}") from error
    return entries


def _readable(keys: list[Any]) -> list[dict[str, Any]]:
    """Leave out what is no object; it stays in the file, as others put it there."""
    return [key for key in keys if isinstance(key, dict)]


def _find(keys: list[Any], kid: str) -> dict[str, Any]:
    for key in _readable(keys):
        if key.get("kid") == kid:
            return key
    named = ", ".join(str(key["kid"]) for key in _readable(keys) if "kid" in key)
    raise WrongUse(f"No key is named {kid!r}: there are {printable(named) or 'none'}")


def _write(path: Path, keys: list[Any]) -> KeySet:
    """Put a complete file in the place of the old one, with its owner and what it permits; no secret for everybody."""
    document = json.dumps({"keys": keys}, indent=2).encode() + b"\n"
    target = path.resolve()
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        found = read_key_set(document)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            is_secret = any({"d", "k"} & key.keys() for key in _readable(keys))
            _take_after(draft, target, _SECRET_FOR if is_secret else _ANYBODY)
        draft.replace(target)
    except KeySetError as error:
        raise WrongUse(f"{path} was not changed: {error}") from error
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise WrongUse(f"{path} was not changed: {error.strerror or error}") from error
    _tell(path, found)
    return found


def _tell(path: Path, keys: KeySet) -> None:
    typer.echo(f"{path}: {keys.summary()}")
    for reason in keys.passed_over:
        typer.echo(f"passed over: {reason}")


def _take_after(draft: Path, target: Path, most: int) -> None:
    """Give a file the owner of another one, and of its permissions those that it may have at most."""
    known = target.stat()
    if hasattr(os, "chown"):  # not on Windows
        try:
            os.chown(draft, known.st_uid, known.st_gid)
        except PermissionError as error:  # only root may give a file away
            raise OSError(
                f"it belongs to user {known.st_uid} and group {known.st_gid}, and that could not be kept: "
                "run this as its owner or as root"
            ) from error
    draft.chmod(known.st_mode & most)


def _make(kind: Kind) -> dict[str, Any]:
    if kind is Kind.ED25519:
        return OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    if kind is Kind.P256:
        return ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    if kind is Kind.RSA:
        return RSAAlgorithm.to_jwk(generate_private_key(65537, _RSA_BITS), as_dict=True)
    return _oct(secrets.token_bytes(32))


def _oct(value: bytes) -> dict[str, Any]:
    return {"kty": "oct", "k": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
