"""What a path and a query hold is text: this reads numbers, truth values and lists where the input takes them. Pure.

Whatever cannot be read stays a text, so that the worker refuses it with the words that it has for every door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct, inspect

from leveret.api import Action
from leveret.errors import InvalidRequest, RequestError
from leveret.wire.codec import NotJson, decode_value

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INT64: Final = range(-(2**63), 2**63)
_TRUTH: Final = {"true": True, "false": False}
_MOST: Final = 1000
"""Fields of one query."""


class Reading(Struct, frozen=True):
    """What the texts of one field may stand for.

    Attributes:
        kinds: those of ``whole``, ``number``, ``truth``, ``null``, ``text`` and ``object`` that the field takes.
        items: of a field that takes a list, what its items may stand for.
    """

    kinds: frozenset[str] = frozenset({"text"})
    items: Reading | None = None

    def read(self, texts: list[str]) -> Any:
        """Return the value of a field that stands there once or several times.

        Raises:
            InvalidRequest: it stands there several times, and is no list.
        """
        if self.items is not None and (len(texts) > 1 or "text" not in self.kinds):
            return [self.items.read([text]) for text in texts]
        if len(texts) > 1:
            raise InvalidRequest("stands there several times")
        return self._one(texts[0])

    def _one(self, text: str) -> Any:
        if "whole" in self.kinds and _WHOLE.fullmatch(text) and (whole := int(text)) in _INT64:
            return whole
        if "number" in self.kinds and _NUMBER.fullmatch(text):
            return _json(text)
        if "truth" in self.kinds and text in _TRUTH:
            return _TRUTH[text]
        if "null" in self.kinds and text == "null" and "text" not in self.kinds:
            return None
        return _json(text) if "object" in self.kinds else text


_TEXT: Final = Reading()


class Texts:
    """Reads the path and the query of requests for one action."""

    def __init__(self, action: Action) -> None:
        self._fields = _readings(action.input)

    def read(self, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the data that names and texts stand for.

        Raises:
            InvalidRequest: a field that is no list stands there several times.
        """
        texts: dict[str, list[str]] = {}
        for name, text in given:
            texts.setdefault(name, []).append(text)
        return {name: self._field(name, found) for name, found in texts.items()}

    def _field(self, name: str, texts: list[str]) -> Any:
        try:
            return self._fields.get(name, _TEXT).read(texts)
        except InvalidRequest as error:
            raise InvalidRequest(f"Field {name}: {error}") from None


def split_query(query: bytes) -> list[tuple[str, str]]:
    """Return the names and texts of a query.

    Raises:
        InvalidRequest: it is not UTF-8, or holds too many fields.
    """
    if not query:
        return []
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except UnicodeDecodeError:
        raise InvalidRequest("The query is not UTF-8 in percent encoding") from None
    except ValueError:
        raise InvalidRequest(f"The query holds more than {_MOST} fields") from None


def _readings(kind: Any) -> Mapping[str, Reading]:
    if kind is None:
        return {}
    known = inspect.type_info(kind)
    if not isinstance(known, inspect.StructType | inspect.DataclassType | inspect.TypedDictType):
        return {}
    return {field.encode_name: _reading(field.type) for field in known.fields}


_KINDS: Final[tuple[tuple[type[inspect.Type], str], ...]] = (
    (inspect.BoolType, "truth"),
    (inspect.IntType, "whole"),
    (inspect.FloatType, "number"),
    (inspect.NoneType, "null"),
    (inspect.AnyType, "text"),
    (inspect.StructType, "object"),
    (inspect.DataclassType, "object"),
    (inspect.TypedDictType, "object"),
    (inspect.DictType, "object"),
)
_LISTS: Final = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)


def _reading(found: inspect.Type) -> Reading:
    kinds: set[str] = set()
    items: Reading | None = None
    for each in _alternatives(found):
        if isinstance(each, _LISTS):
            items = _reading(each.item_type)
        elif isinstance(each, inspect.EnumType | inspect.LiteralType):
            kinds.update(_kinds_of_values(each))
        else:
            kinds.add(next((kind for known, kind in _KINDS if isinstance(each, known)), "text"))
    return Reading(frozenset(kinds), items)


def _alternatives(found: inspect.Type) -> list[inspect.Type]:
    while isinstance(found, inspect.Metadata):
        found = found.type
    if isinstance(found, inspect.UnionType):
        return [each for alternative in found.types for each in _alternatives(alternative)]
    return [found]


def _kinds_of_values(found: inspect.EnumType | inspect.LiteralType) -> set[str]:
    values = [each.value for each in found.cls] if isinstance(found, inspect.EnumType) else found.values
    return {"whole" if isinstance(value, int) else "null" if value is None else "word" for value in values}


def _json(text: str) -> Any:
    try:
        return decode_value(text)
    except (NotJson, RequestError):
        return text
