"""``taskmanager keys``: changes the file with the keys of tokens step by step, while workers read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from leveret.auth.key_file import KeyFile, KeyFileUnchanged
from leveret.auth.keys import KeySet, KeySetError
from leveret.auth.new_keys import KeyType, new_key, secret_entry
from taskmanager.bootstrap import find_secret
from taskmanager.cli.endings import WrongUse
from taskmanager.cli.environment import load_settings

app = typer.Typer(no_args_is_help=True, help="The keys of tokens, in the file that TASKMANAGER_JWT_KEYS names.")

Kid = Annotated[str, typer.Argument(help="The key's name, such as 2026-12.")]


@app.command()
def show() -> None:
    """Print the names of the keys, what each is for, and which keys are ignored, but nothing of the keys themselves."""
    path = _path()
    with _errors_in_words():
        _print(path, KeyFile(path).read())


@app.command()
def add(
    kid: Kid, *, kind: Annotated[KeyType, typer.Option(help="EdDSA, ES256, RS256 or HS256 tokens.")] = KeyType.ED25519
) -> None:
    """Make a new key that verifies tokens and does not sign yet; make the file if there is none."""
    path = _path()
    with _errors_in_words():
        _print(path, KeyFile(path).add(new_key(kind, kid)))


@app.command()
def secret(kid: Kid) -> None:
    """Add the present secret, so that its tickets and fingerprints are still accepted when another secret is set."""
    entry = secret_entry(find_secret(load_settings(), make=False), kid)
    path = _path()
    with _errors_in_words():
        _print(path, KeyFile(path).add(entry))


@app.command()
def sign(kid: Kid) -> None:
    """Let this key sign the tokens of all logins from now on; the other keys verify."""
    path = _path()
    with _errors_in_words():
        _print(path, KeyFile(path).sign_with(kid))


@app.command()
def remove(kid: Kid) -> None:
    """Remove a key; its tokens are refused from now on."""
    path = _path()
    with _errors_in_words():
        before = KeyFile(path).read()
        after = KeyFile(path).remove(kid)
    _print(path, after)
    if before.signer is not None and after.signer is None:
        typer.echo("No key signs any more: the secret signs the tokens of all logins from now on.")


def _path() -> Path:
    if path := load_settings().jwt_keys:
        return path
    raise WrongUse("TASKMANAGER_JWT_KEYS is not set: set it to the path of the file with the keys")


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except KeyFileUnchanged as error:
        raise WrongUse(str(error)) from error
    except KeySetError as error:
        raise WrongUse(f"TASKMANAGER_JWT_KEYS: {error}") from error


def _print(path: Path, keys: KeySet) -> None:
    typer.echo(f"{path}: {keys.summary()}")
    for reason in keys.passed_over:
        typer.echo(f"passed over: {reason}")
