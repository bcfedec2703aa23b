"""The command ``keys``: changes the file with the keys of tokens step by step, while workers read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from leveret.application.parts import find_secret
from leveret.auth.key_file import KeyFile, KeyFileUnchanged
from leveret.auth.keys import KeySet, KeySetError
from leveret.auth.new_keys import KeyType, new_key, secret_entry
from leveret.cli.context import command_line, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option
from leveret.settings import Settings, values

app = typer.Typer(no_args_is_help=True, help="The keys of tokens, in the file that PREFIX_JWT_KEYS names.")

Kid = Annotated[str, typer.Argument(help="The key's name, such as 2026-12.")]


@app.command()
def show(context: typer.Context) -> None:
    """Print the names of the keys, what each is for, and which keys are ignored, but nothing of the keys themselves."""
    settings = load_settings(context, needs_secret=False)
    path = _path(settings)
    with _errors_in_words(settings):
        _print(path, _read(context, path))


@app.command()
def add(
    context: typer.Context,
    kid: Kid,
    *,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            parser=read_option("--kind", values.one_of(*KeyType)),
            help="ed25519, p256, rsa or oct, for EdDSA, ES256, RS256 or HS256 tokens.",
        ),
    ] = KeyType.ED25519.value,
) -> None:
    """Make a new key that verifies tokens and does not sign yet; make the file if there is none."""
    settings = load_settings(context, needs_secret=False)
    path = _path(settings)
    with _errors_in_words(settings):
        _print(path, KeyFile(path).add(new_key(KeyType(kind), kid)))


@app.command()
def secret(context: typer.Context, kid: Kid) -> None:
    """Add the present secret, so that its tickets and fingerprints are still accepted when another secret is set."""
    settings = load_settings(context)
    entry = secret_entry(find_secret(settings, make=False), kid)
    path = _path(settings)
    with _errors_in_words(settings):
        _print(path, KeyFile(path).add(entry))


@app.command()
def sign(context: typer.Context, kid: Kid) -> None:
    """Let this key sign the tokens of all logins from now on; the other keys verify."""
    settings = load_settings(context, needs_secret=False)
    path = _path(settings)
    with _errors_in_words(settings):
        _read(context, path)
        _print(path, KeyFile(path).sign_with(kid))


@app.command()
def remove(context: typer.Context, kid: Kid) -> None:
    """Remove a key; its tokens are refused from now on."""
    settings = load_settings(context, needs_secret=False)
    path = _path(settings)
    with _errors_in_words(settings):
        before = _read(context, path)
        after = KeyFile(path).remove(kid)
    _print(path, after)
    if before.signer is not None and after.signer is None:
        typer.echo("No key signs any more: the secret signs the tokens of all logins from now on.")


def _read(context: typer.Context, path: Path) -> KeySet:
    """Read the file; if there is none, say which command makes it."""
    try:
        return KeyFile(path).read()
    except KeySetError as error:
        if path.exists():
            raise
        raise KeySetError(f"{error}. `{command_line(context).shown('keys add KID')}` makes it") from error


def _path(settings: Settings) -> Path:
    if settings.jwt_keys:
        return settings.jwt_keys
    raise WrongUse(f"{settings.variable('JWT_KEYS')} is not set: set it to the path of the file with the keys")


@contextmanager
def _errors_in_words(settings: Settings) -> Iterator[None]:
    try:
        yield
    except KeyFileUnchanged as error:
        raise WrongUse(str(error)) from error
    except KeySetError as error:
        raise WrongUse(f"{settings.variable('JWT_KEYS')}: {error}") from error


def _print(path: Path, keys: KeySet) -> None:
    typer.echo(f"{path}: {keys.summary()}")
    for reason in keys.passed_over:
        typer.echo(f"passed over: {reason}")
