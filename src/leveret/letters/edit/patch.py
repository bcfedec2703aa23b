"""Changes of JSON: a JSON Patch (RFC 6902), or a JSON Merge Patch (RFC 7386). No I/O."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from leveret.errors import InvalidRequest
from leveret.wire.codec import NotJson, decode_value
from leveret.wire.masking import shown

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPE: Final = re.compile(r"~(?![01])")
_LONGEST: Final = 200
"""Characters of a patch that an error's text repeats."""


class PatchProblem(ValueError):
    """A patch cannot be read, or cannot be applied; the text says why."""


class PatchStep(Struct, frozen=True):
    """One operation of a JSON Patch.

    Attributes:
        op: what is done.
        path: where, as the parts of a JSON Pointer (RFC 6901).
        shown: the pointer as it was written.
        value: of ``add``, ``replace`` and ``test``.
        source: from where ``move`` and ``copy`` take the value.
    """

    op: str
    path: tuple[str, ...]
    shown: str
    value: Any = None
    source: tuple[str, ...] = ()


Patch: TypeAlias = tuple[PatchStep, ...] | dict[str, Any]
"""Operations one after another, or an object that is merged."""


def read_patch(text: str) -> Patch:
    """Read a patch: an array of operations, or an object that is merged.

    Raises:
        PatchProblem: it is neither.
    """
    try:
        found = decode_value(text)
    except (NotJson, InvalidRequest) as error:
        raise PatchProblem(f"the patch is not JSON that a request may hold: {error}") from None
    if isinstance(found, dict):
        return found
    if not isinstance(found, list):
        raise PatchProblem("the patch is neither an array of operations (RFC 6902) nor an object (RFC 7386)")
    return tuple(_read_step(step, f"operation {number}") for number, step in enumerate(found, 1))


def apply_patch(patch: Patch, document: Any) -> Any:
    """Return what a patch makes of a document, which stays as it is.

    Raises:
        PatchProblem: an operation cannot be done, or a ``test`` of it fails.
    """
    if isinstance(patch, dict):
        return _merge(copy.deepcopy(document), patch)
    changed = copy.deepcopy(document)
    for number, step in enumerate(patch, 1):
        try:
            changed = _STEPS[step.op](changed, step)
        except PatchProblem as error:
            raise PatchProblem(f"operation {number}, {step.op} {shown(step.shown, _LONGEST)}: {error}") from None
    return changed


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = target if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _read_step(step: Any, where: str) -> PatchStep:
    if not isinstance(step, dict):
        raise PatchProblem(f"{where}: expected an object")
    op, path = step.get("op"), step.get("path")
    if not isinstance(op, str) or op not in _STEPS:
        raise PatchProblem(f"{where}: expected an op of {', '.join(_STEPS)}")
    if op in ("add", "replace", "test") and "value" not in step:
        raise PatchProblem(f"{where}: {op} needs a value")
    source = _pointer(step.get("from"), f"{where}: from") if op in ("move", "copy") else ()
    parts = _pointer(path, f"{where}: path")
    if op == "move" and source == parts[: len(source)] and source != parts:
        raise PatchProblem(f"{where}: nothing can be moved into itself")
    return PatchStep(op, parts, str(path), step.get("value"), source)


def _pointer(text: Any, where: str) -> tuple[str, ...]:
    if not isinstance(text, str) or (text and not text.startswith("/")) or _ESCAPE.search(text):
        raise PatchProblem(f"{where}: expected a JSON Pointer, such as /title or /tags/0")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _find(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, len(document) - 1)]
        else:
            raise PatchProblem(f"there is no {shown(part, _LONGEST)!r}")
    return document


def _index(array: Sequence[Any], part: str, last: int) -> int:
    if not _INDEX.fullmatch(part) or int(part) > last:
        raise PatchProblem(f"{shown(part, _LONGEST)!r} is not a place in an array of {len(array)}")
    return int(part)


def _put(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent)), value)
    else:
        raise PatchProblem("what is there is neither an object nor an array")
    return document


def _take(document: Any, path: Sequence[str]) -> Any:
    """Remove what is at a path, which is there."""
    if not path:
        raise PatchProblem("the data itself cannot be removed")
    parent, last = _find(document, path[:-1]), path[-1]
    _find(parent, [last])
    if isinstance(parent, dict):
        del parent[last]
    else:
        del parent[int(last)]
    return document


def _add(document: Any, step: PatchStep) -> Any:
    return _put(document, step.path, copy.deepcopy(step.value))


def _remove(document: Any, step: PatchStep) -> Any:
    return _take(document, step.path)


def _replace(document: Any, step: PatchStep) -> Any:
    if not step.path:
        return copy.deepcopy(step.value)
    parent, last = _find(document, step.path[:-1]), step.path[-1]
    _find(parent, [last])
    parent[int(last) if isinstance(parent, list) else last] = copy.deepcopy(step.value)
    return document


def _move(document: Any, step: PatchStep) -> Any:
    value = _find(document, step.source)
    if step.source == step.path:
        return document
    return _put(_take(document, step.source), step.path, value)


def _copy(document: Any, step: PatchStep) -> Any:
    return _put(document, step.path, copy.deepcopy(_find(document, step.source)))


def _test(document: Any, step: PatchStep) -> Any:
    if not _same(_find(document, step.path), step.value):
        raise PatchProblem("what is there is another value")
    return document


def _same(one: Any, other: Any) -> bool:
    """Compare as RFC 6902, section 4.6: numbers by their value, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


_STEPS: Final[dict[str, Callable[[Any, PatchStep], Any]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
