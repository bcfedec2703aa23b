"""Reads the input of an action from the words of a command line: ``name=Ada age=36 tags:=[1,2] text=@letter.txt``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

from leveret.cli.ending.endings import WrongUse
from leveret.errors import InvalidRequest
from leveret.wire.codec import NotJson, decode_object, decode_value, encode_json, without_mark
from leveret.wire.limits import LARGEST_REQUEST

_PAIR: Final = re.compile(r"(?P<name>[^=]*?)(?P<sign>:?=)(?P<value>.*)", re.DOTALL)


def read_pairs(words: Iterable[str], texts: Collection[str] = ()) -> dict[str, Any]:
    """Read pairs of a name and a value.

    - ``name=value`` is the text if the field takes texts, or if the value is not JSON; otherwise it is that JSON.
    - ``name:=value`` is JSON.
    - ``name=@file`` is the text of a file, and ``name:=@file`` its JSON. ``@@`` stands for one ``@``.

    No value is repeated in an error's text, because it may be a password.

    Args:
        words: the words of the command line.
        texts: names of the fields that take a text.

    Raises:
        WrongUse: a word is not a pair, a name stands twice, or a value cannot be used.
    """
    data: dict[str, Any] = {}
    for number, word in enumerate(words, start=1):
        found = _PAIR.fullmatch(word)
        if found is None:
            raise WrongUse(f"word {number} behind the action has no =: write each field of the input as name=value")
        name, raw = found["name"], found["sign"] == ":="
        _check_name(name, number)
        if name in data:
            raise WrongUse(f"{name} is given twice: write each field of the input once")
        try:
            data[name] = _value(name, found["value"], raw=raw, takes_text=name in texts)
        except InvalidRequest as error:
            raise WrongUse(f"{name} cannot be used: {error}") from error
    return data


def check_data(data: dict[str, Any]) -> None:
    """Check that a request may hold the data, as a worker will check it.

    Raises:
        WrongUse: it may not.
    """
    try:
        body = encode_json(data)
    except UnicodeEncodeError as error:
        raise WrongUse("the input cannot be used: a text in it is not UTF-8") from error
    read_object(body, "the input")


def read_object(body: bytes, what: str) -> dict[str, Any]:
    """Read an input that is written as a JSON object.

    Args:
        body: the JSON.
        what: what an error's text calls it.

    Raises:
        WrongUse: it is not such an object, or no request may hold it.
    """
    if len(body) > LARGEST_REQUEST:
        raise WrongUse(
            f"{what} cannot be used: it is too large: {len(body)} bytes, at most {LARGEST_REQUEST} are taken"
        )
    try:
        return decode_object(body, subject="it")
    except InvalidRequest as error:
        raise WrongUse(f"{what} cannot be used: {error}") from error


def _check_name(name: str, number: int) -> None:
    if not name:
        raise WrongUse(f"word {number} behind the action has no name before its =")
    if "." in name:
        outer, _, inner = name.partition(".")
        raise WrongUse(
            f"{name}: a field within a field cannot be written so. Write {outer}:='{{\"{inner}\": ...}}', or use --data"
        )


def _value(name: str, text: str, *, raw: bool, takes_text: bool) -> Any:
    from_file = text.startswith("@") and not text.startswith("@@")
    literal = text.startswith("@@")
    if from_file:
        text = _read_file(name, text[1:])
    elif literal:
        text = text[1:]
    if raw:
        return _json(name, text)
    if from_file or literal or takes_text:
        return text
    try:
        return decode_value(text)
    except NotJson:
        return text


def _json(name: str, text: str) -> Any:
    try:
        return decode_value(text)
    except NotJson as error:
        raise WrongUse(f"{name} is not JSON: {error}. A text is written {name}=...") from error


def _read_file(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_REQUEST + 1)
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise WrongUse(f"{name}: the file {path!r} cannot be read: {reason}") from error
    if len(content) > LARGEST_REQUEST:
        raise WrongUse(f"{name}: the file {path!r} is too large: a request has at most {LARGEST_REQUEST} bytes")
    try:
        return without_mark(content).decode()
    except UnicodeDecodeError as error:
        raise WrongUse(f"{name}: the file {path!r} is not UTF-8: byte {error.start}") from error
