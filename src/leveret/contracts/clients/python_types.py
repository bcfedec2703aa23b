"""Types of actions as source text of Python: annotations, and the classes that they name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum, IntEnum, StrEnum
from typing import Any, Final

import msgspec.inspect as kinds

from leveret.contracts.clients.names import name_in_python, names_in_python, quoted

_PLAIN: Final[dict[type[kinds.Type], str]] = {
    kinds.NoneType: "None",
    kinds.BoolType: "bool",
    kinds.IntType: "int",
    kinds.FloatType: "float",
    kinds.StrType: "str",
    kinds.BytesType: "bytes",
    kinds.ByteArrayType: "bytes",
    kinds.MemoryViewType: "bytes",
    kinds.DateTimeType: "dt.datetime",
    kinds.DateType: "dt.date",
    kinds.TimeType: "dt.time",
    kinds.TimeDeltaType: "dt.timedelta",
    kinds.UUIDType: "UUID",
    kinds.DecimalType: "Decimal",
}
_RECORDS: Final = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType, kinds.NamedTupleType)
_QUOTE_TO_ESCAPE: Final = re.compile(r'"(?="|\Z)')
_FACTORIES: Final[dict[Any, str]] = {list: "list", dict: "dict", set: "set"}
Record = kinds.StructType | kinds.DataclassType | kinds.TypedDictType | kinds.NamedTupleType
"""A type with named fields, whichever of the four forms the application gave it."""


class PythonTypes:
    """Annotations for types, and the source text of all classes that they name.

    Bounds such as ``ge=1`` are not part of an annotation: the worker checks them, so that every door gives one answer.
    """

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._texts: dict[str, str] = {}

    def annotation(self, kind: Any) -> str:
        """Return the annotation for a type that an action takes or returns."""
        return self.said(kinds.type_info(kind))

    def definitions(self) -> Iterator[str]:
        """Yield the source text of each class that the annotations name: enums first, because defaults use them."""
        return (text for _, text in sorted(self._texts.items(), key=lambda found: ("(Struct" in found[1], found[0])))

    def said(self, kind: kinds.Type) -> str:
        """Return the annotation for a type that msgspec has looked at."""
        if (plain := _PLAIN.get(type(kind))) is not None:
            return plain
        if isinstance(kind, kinds.Metadata):
            return self.said(kind.type)
        if isinstance(kind, kinds.UnionType):
            return " | ".join(dict.fromkeys(self.said(each) for each in kind.types))
        if isinstance(kind, kinds.LiteralType):
            return f"Literal[{', '.join(_literal(value) for value in kind.values)}]"
        return self._class(kind) if isinstance(kind, (kinds.EnumType, *_RECORDS)) else self._collection(kind)

    def _class(self, kind: kinds.EnumType | Record) -> str:
        if isinstance(kind, kinds.EnumType):
            return self._named(kind.cls, lambda name: _enum_text(name, kind.cls))
        return self._named(kind.cls, lambda name: self._record_text(name, kind))

    def _collection(self, kind: kinds.Type) -> str:
        if isinstance(kind, kinds.DictType):
            return f"dict[{self.said(kind.key_type)}, {self.said(kind.value_type)}]"
        if isinstance(kind, kinds.TupleType):
            return f"tuple[{', '.join(self.said(each) for each in kind.item_types) or '()'}]"
        if isinstance(kind, kinds.VarTupleType):
            return f"tuple[{self.said(kind.item_type)}, ...]"
        if isinstance(kind, kinds.ListType | kinds.SetType | kinds.FrozenSetType):
            word = type(kind).__name__.removesuffix("Type").lower()
            return f"{word}[{self.said(kind.item_type)}]"
        return "Any"  # a type of the application's own, or any JSON

    def _named(self, cls: Any, text: Callable[[str], str]) -> str:
        """Return the name of a class; its text is made once, after its name is known, because it may name itself."""
        if cls not in self._names:
            name = name_in_python(getattr(cls, "__name__", str(cls)), self._names.values())
            self._names[cls] = name
            self._texts[name] = text(name)
        return self._names[cls]

    def _record_text(self, name: str, kind: Record) -> str:
        attributes = names_in_python(each.name for each in kind.fields)
        fields = [self._field(each, attribute) for each, attribute in zip(kind.fields, attributes, strict=True)]
        doc = _class_docstring(kind.cls)
        body = [*([docstring(doc, "    ")] if doc else []), *([""] if doc and fields else []), *fields]
        return "\n".join([f"class {name}(Struct, {_options(kind)}):", *(body or ["    pass"])])

    def _field(self, field: kinds.Field, name: str) -> str:
        said = self.said(field.type)
        named = f"name={quoted(field.encode_name)}" if field.encode_name != name else ""
        default = None if field.required else self._default(field)
        if default == "UNSET" and said != "Any":
            said = f"{said} | UnsetType"
        made = default in _FACTORIES.values()
        given = "" if default is None else f"default_factory={default}" if made else f"default={default}"
        if named or made:
            return f"    {name}: {said} = field({', '.join(part for part in (given, named) if part)})"
        return f"    {name}: {said}" + ("" if default is None else f" = {default}")

    def _default(self, field: kinds.Field) -> str:
        """Return the default of a field that a reply may lack: a plain value, or UNSET."""
        value = field.default
        if field.default_factory in _FACTORIES:
            return _FACTORIES[field.default_factory]
        if isinstance(value, Enum):
            return f"{self._names[type(value)]}({_literal(value.value)})" if type(value) in self._names else "UNSET"
        return _literal(value) if value is None or type(value) in (bool, int, str) else "UNSET"


def docstring(text: str, indent: str) -> str:
    """Return a docstring with its quotes."""
    safe = _QUOTE_TO_ESCAPE.sub(r'\\"', text.strip().replace("\\", "\\\\"))
    lines = [f"{indent}{line}".rstrip() for line in f'"""{safe}'.splitlines()]
    return "\n".join([*lines[:-1], f'{lines[-1]}"""' if len(lines) == 1 else f'{lines[-1]}\n{indent}"""'])


def _class_docstring(cls: Any) -> str:
    """Return what a class says of itself, and nothing of what a library wrote there."""
    found = cls.__dict__.get("__doc__") if isinstance(cls, type) else None
    text = inspect.cleandoc(found) if found else ""
    made = text.startswith(f"{getattr(cls, '__name__', '')}(")
    return "" if made else text


def _options(kind: Record) -> str:
    if isinstance(kind, kinds.NamedTupleType) or getattr(kind, "array_like", False):
        return "frozen=True, array_like=True"
    tag = getattr(kind, "tag", None)
    tagged = f", tag_field={_literal(getattr(kind, 'tag_field', None))}, tag={_literal(tag)}" if tag is not None else ""
    return f"frozen=True, kw_only=True{tagged}"


def _enum_text(name: str, cls: type[Enum]) -> str:
    base = StrEnum if issubclass(cls, str) else IntEnum if issubclass(cls, int) else Enum
    doc = _class_docstring(cls)
    names = names_in_python(each.name for each in cls)
    members = [f"    {name} = {_literal(each.value)}" for name, each in zip(names, cls, strict=True)]
    said = [docstring(doc, "    "), ""] if doc else []
    return "\n".join([f"class {name}({base.__name__}):", *said, *members])


def _literal(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)
