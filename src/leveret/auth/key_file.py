"""A file with keys: read again when it changes, so that keys are rotated without a stop, and changed step by step.

A file is replaced as a whole, by renaming a complete one onto it, and keeps its owner and its permissions.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from leveret.auth.keys import KeySet, KeySetError, read_key_set
from leveret.wire.masking import printable

logger: Final = logging.getLogger("leveret.keys")

_LARGEST: Final = 1024 * 1024
_END: Final = 2.0
"""Seconds that the end of ``followed`` waits for a look that is under way."""

_ANYBODY: Final = 0o777
_SECRET_FOR: Final = 0o770
"""The permissions of a file with private parts or secrets, at most: for its owner and its group."""


class KeyFileUnchanged(KeySetError):
    """The file cannot be changed as it was asked for; it is as it was. The text says why."""


class KeyFile:
    """A JWK Set in a file.

    Whoever else replaces the file renames a complete one onto it; one that is read half written is an error in the log
    and is read again. An entry is a key as JSON (RFC 7517, section 4). Entries that are of no use here, as others put
    them into the file, stay in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: bytes | None = None
        self._trouble = ""
        self._passed_over: frozenset[str] = frozenset()

    def read(self) -> KeySet:
        """Read the keys.

        Raises:
            KeySetError: the file cannot be read, or holds something else; the text names the file.
        """
        return self._parse(self._bytes())

    def look(self, use: Callable[[KeySet], None]) -> None:
        """Call ``use`` with the keys if the file has changed since the last look.

        A file that cannot be used changes nothing; an error in the log says why, once for each reason. A warning names
        each key that is passed over, once for as long as it stands there.
        """
        try:
            found = self._bytes()
            if found == self._seen:
                return
            keys = self._parse(found)
        except KeySetError as error:
            if str(error) != self._trouble:
                logger.error("keys stay as they were: %s", error)  # noqa: TRY400 -- the operator's mistake, not ours
            self._trouble, self._seen = str(error), None
            return
        self._seen, self._trouble = found, ""
        use(keys)
        logger.info("keys of %s: %s", self._path, keys.summary())
        for reason in keys.passed_over:
            if reason not in self._passed_over:
                logger.warning("keys of %s: passed over: %s", self._path, reason)
        self._passed_over = frozenset(keys.passed_over)

    @contextmanager
    def followed(self, use: Callable[[KeySet], None], *, every: timedelta = timedelta(seconds=2)) -> Iterator[None]:
        """Look again and again in a thread of its own, because reading keys takes milliseconds and a disk may hang.

        Args:
            use: called in that thread with the keys, see ``look``.
            every: the pause between two looks.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(use, every, ended), name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_END)

    def add(self, entry: Mapping[str, Any]) -> KeySet:
        """Put a key behind the others; the file is made if there is none. Returns the keys as they are then.

        Raises:
            KeyFileUnchanged: there is one of that name, the key cannot be used, or the file cannot be written.
            KeySetError: the file cannot be read, or holds something else.
        """
        entries = self._entries() if self._path.exists() else []
        if any(known.get("kid") == entry["kid"] for known in _readable(entries)):
            raise self._unchanged(f"a key named {entry['kid']!r} is there already")
        try:
            passed_over = read_key_set(json.dumps({"keys": [entry]}).encode()).passed_over
        except KeySetError as error:
            raise self._unchanged(error) from error
        if passed_over:
            raise self._unchanged(passed_over[0])
        return self._replace([*entries, entry])

    def sign_with(self, kid: str) -> KeySet:
        """Have this key sign what is issued; the others verify. Returns the keys as they are then.

        Raises:
            KeyFileUnchanged: there is no key of that name, it cannot sign, or the file cannot be written.
            KeySetError: the file cannot be read, or holds something else.
        """
        entries = self._entries()
        signer = _find(entries, kid)
        if signer.get("kty") == "oct" and not {"sign", "verify"} & set(signer.get("key_ops", ["verify"])):
            raise KeyFileUnchanged(f"{kid!r} is a secret and not a key of tokens: add a key")
        for entry in _readable(entries):
            if isinstance(entry.get("key_ops"), list) and "sign" in entry["key_ops"]:
                others = (name for name in entry["key_ops"] if name not in {"sign", "verify"})
                entry["key_ops"] = ["verify", *others]
        operations = signer.get("key_ops", ["verify"])
        signer["key_ops"] = ["sign", *(operations if isinstance(operations, list) else [])]
        return self._replace(entries)

    def remove(self, kid: str) -> KeySet:
        """Take a key out: its tokens are refused from now on. Returns the keys as they are then.

        Raises:
            KeyFileUnchanged: there is no key of that name, or the file cannot be written.
            KeySetError: the file cannot be read, or holds something else.
        """
        entries = self._entries()
        entries.remove(_find(entries, kid))
        return self._replace(entries)

    def _follow(self, use: Callable[[KeySet], None], every: timedelta, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.look(use)
            except Exception:
                logger.exception("looking at %s failed; the next look comes all the same", self._path)
            ended.wait(every.total_seconds())

    def _bytes(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                found = file.read(_LARGEST + 1)
        except OSError as error:
            raise KeySetError(f"{self._path} cannot be read: {error.strerror or error}") from error
        if len(found) > _LARGEST:
            raise KeySetError(f"{self._path} has more than {_LARGEST} bytes: it cannot be a set of keys")
        return found

    def _parse(self, document: bytes) -> KeySet:
        try:
            return read_key_set(document)
        except KeySetError as error:
            raise KeySetError(f"{self._path}: {error}") from error

    def _entries(self) -> list[Any]:
        document = self._bytes()
        self._parse(document)
        entries: list[Any] = json.loads(document)["keys"]
        return entries

    def _replace(self, entries: Sequence[Any]) -> KeySet:
        """Put a complete file in the place of the old one, with its owner and permissions; no secret for everybody."""
        document = json.dumps({"keys": entries}, indent=2).encode() + b"\n"
        try:
            keys = read_key_set(document)
        except KeySetError as error:
            raise self._unchanged(error) from error
        is_secret = any({"d", "k"} & entry.keys() for entry in _readable(entries))
        target = self._path.resolve()
        draft = target.with_name(f"{target.name}.{os.getpid()}.new")
        try:
            _write(draft, document)
            if target.exists():
                _take_after(draft, target, _SECRET_FOR if is_secret else _ANYBODY)
            draft.replace(target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._unchanged(error.strerror or error) from error
        return keys

    def _unchanged(self, why: object) -> KeyFileUnchanged:
        return KeyFileUnchanged(f"{self._path} was not changed: {why}")


def _readable(entries: Sequence[Any]) -> list[dict[str, Any]]:
    """Leave out what is not an object; it stays in the file, as others put it there."""
    return [entry for entry in entries if isinstance(entry, dict)]


def _find(entries: Sequence[Any], kid: str) -> dict[str, Any]:
    for entry in _readable(entries):
        if entry.get("kid") == kid:
            return entry
    named = ", ".join(str(entry["kid"]) for entry in _readable(entries) if "kid" in entry)
    raise KeyFileUnchanged(f"No key is named {kid!r}: there are {printable(named) or 'none'}")


def _write(path: Path, document: bytes) -> None:
    """Write a new file that only its owner may read, and wait until the disk has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())


def _take_after(draft: Path, target: Path, most: int) -> None:
    """Set the owner of a file to that of another one, and its permissions to those of that one, within ``most``."""
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
