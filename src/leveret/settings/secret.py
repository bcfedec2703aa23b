"""The secret of a local installation: made once, kept beside the SQLite file, and readable by its owner only."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from leveret.auth.keys import secret_key
from leveret.errors import SettingsError
from leveret.wire.words import counted

_BYTES = 32
_MISSING = (
    "{} is not set and there is no {}, which a worker makes: set it to the workers' secret, or run this in their folder"
)


def local_secret(path: Path, setting: str, *, make: bool = True) -> bytes:
    """Read the secret, or make one; processes that start at the same time get the same secret.

    Args:
        path: the file that holds the secret.
        setting: name of the setting that would hold the secret, for the errors' texts.
        make: whether to make the file if it is missing; otherwise a missing file is an error.

    Raises:
        SettingsError: the file can be neither read nor made, or its content cannot be used.
    """
    try:
        if not path.exists():
            if not make:
                raise SettingsError([_MISSING.format(setting, path)])
            _make(path)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError([f"{setting} is not set and {path} cannot be used: {error}"]) from error
    if len(secret) < _BYTES:
        size = counted(len(secret), "byte")
        raise SettingsError([f"{path} holds {size}, at least {_BYTES} are needed: delete it or fill it"])
    try:
        secret_key(secret)
    except ValueError as error:
        raise SettingsError([f"{path} cannot be used: {error}"]) from error
    return secret


def _make(path: Path) -> None:
    """Write the complete file under another name first, so that nobody ever reads half a secret."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _name_if_first(draft, path)
    except FileExistsError:
        pass  # another process was first, and its secret is used
    finally:
        draft.unlink(missing_ok=True)


def _name_if_first(draft: Path, path: Path) -> None:
    """Give the draft its final name, unless that name exists (Windows refuses to rename onto a file)."""
    if sys.platform == "win32":
        draft.rename(path)
    else:
        os.link(draft, path)
