"""The secret and the files that hold secrets: who may read them, how long and how old they are."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Final

from leveret.application.parts import find_secret
from leveret.auth.key_file import KeyFile
from leveret.auth.keys import KeySetError
from leveret.errors import SettingsError
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.wire.words import counted

OLD: Final = 365.0
"""Days after which a secret or a key is old."""

FEW_SIGNS: Final = 10
"""Different bytes that a random secret of 32 bytes always has."""

_DAY: Final = 86400.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def secret(installation: Installation) -> Findings:
    """Report whether there is a secret, how long it is, and whether it looks like a random one."""
    settings = installation.settings
    name = settings.variable("JWT_SECRET")
    if name in installation.lost:
        return []  # the settings say what is wrong with it
    if settings.jwt_secret is None and settings.secret_file is not None and not settings.secret_file.exists():
        return [
            warning(
                f"there is no secret yet: {name} is not set, and there is no {settings.secret_file}",
                "A worker makes that file when it starts. Run this in the folder of the workers to check theirs.",
            )
        ]
    try:
        found = find_secret(settings, make=False)
    except SettingsError as error:
        return [wrong(str(error), f"`openssl rand -hex 32` prints one for {name}.")]
    where = "the environment" if settings.jwt_secret is not None else str(settings.secret_file)
    if len(set(found)) < FEW_SIGNS:
        return [
            wrong(
                f"the secret in {where} has only {len(set(found))} different signs: it can be guessed",
                f"Set {name} to a random one: `openssl rand -hex 32`. `{installation.command('keys secret KID')}` "
                "lets the former one still open letters.",
            )
        ]
    return [ok(f"the secret in {where} has {counted(len(found), 'byte')}")]


def secret_file(installation: Installation) -> Findings:
    """Report who may read the file with the secret, and how old it is."""
    settings = installation.settings
    if settings.jwt_secret is not None or settings.secret_file is None or not settings.secret_file.exists():
        return []
    advice = f"Set {settings.variable('JWT_SECRET')} to a new one after `{installation.command('keys secret KID')}`."
    return _file(settings.secret_file, advice)


def keys(installation: Installation) -> Findings:
    """Report whether the file with the keys can be used, who may read it, and how old it is."""
    path = installation.settings.jwt_keys
    if path is None:
        return [ok("no file with keys is set; the secret signs tokens")]
    try:
        found = KeyFile(path).read()
    except KeySetError as error:
        return [wrong(str(error), f"`{installation.command('keys show')}` reads it, `keys add KID` makes it.")]
    passed_over = [warning(f"{path}: passed over: {why}", "Remove that key.") for why in found.passed_over]
    private = found.secrets or any(key.private is not None for key in found.tokens.values())
    rights = _file(path, f"Add a new key and let it sign: `{installation.command('keys add KID')}`.") if private else []
    return [ok(f"{path}: {found.summary()}"), *passed_over, *rights]


def _file(path: Path, renew: str) -> list[Finding]:
    try:
        known = path.stat()
    except OSError as error:
        return [unknown(f"{path} cannot be looked at: {error.strerror}")]
    found = [_rights(path, known)] if os.name == "posix" else []
    days = (time.time() - known.st_mtime) / _DAY
    if days > OLD:
        found.append(warning(f"{path} is {days:.0f} days old", renew))
    return found


def _rights(path: Path, known: os.stat_result) -> Finding:
    mode = stat.S_IMODE(known.st_mode)
    if mode & stat.S_IRWXO:
        return wrong(f"{path} may be read by everybody (mode {mode:04o})", f"`chmod 600 {path}`, then make a new one.")
    if mode & _OTHERS:
        return warning(
            f"{path} may be read by its group (mode {mode:04o})", f"`chmod 600 {path}`, if that is not meant."
        )
    return ok(f"{path} may be read by its owner only (mode {mode:04o})")
