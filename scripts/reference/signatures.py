"""Writes signatures as the source writes them, with constants as numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scripts.reference.source import Definition, Function, bases, decorators, functions, locate, overloads

WIDTH = 92
"""Characters of a signature in one line."""

_MAKERS = {"field": None, "setting": 2}
"""Functions that make a field of a record: the position of the default among their arguments."""

_OF_NUMBERS = (ast.Constant, ast.BinOp, ast.operator)
"""What a number is written with, such as ``16 * 1024 * 1024``."""

_SHOWN = {"property", "cached_property", "classmethod", "staticmethod", "contextmanager", "asynccontextmanager"}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name with stars, its type and default as text, and whether only its name can be used."""

    name: str
    kind: str
    default: str = ""
    by_name: bool = False

    def __str__(self) -> str:
        typed = f"{self.name}: {self.kind}" if self.kind else self.name
        return f"{typed} = {self.default}" if self.default else typed


def of_function(found: Definition, node: Function, name: str, body: Sequence[ast.stmt]) -> str:
    """Return the signature of a function or method, or all of them if it has overloads.

    Args:
        found: where it is defined: the function itself, or its class.
        node: the function.
        name: as it is shown.
        body: where its overloads stand.
    """
    return "\n".join(_one(found, each, name) for each in overloads(body, node.name) or [node])


def _one(found: Definition, node: Function, name: str) -> str:
    shown = [decorator for decorator in decorators(node) if decorator in _SHOWN]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if "property" in shown or "cached_property" in shown:
        return f"{name}{returns.replace(' ->', ':')}"
    start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    text = written(f"{start} {name}", parameters(found, node), returns)
    return "\n".join([*(f"@{decorator}" for decorator in shown), text])


def of_class(found: Definition) -> str:
    """Return how an object of a class is made."""
    return written(f"class {found.name}", constructor(found))


def constructor(found: Definition) -> list[Parameter]:
    """Return what a class is made with; empty for a class that takes nothing, or that nobody makes."""
    if is_record(found):
        fields = list(_fields(found))
        return sorted(fields, key=lambda each: each.by_name)
    if isinstance(found.node, ast.ClassDef):
        for node in functions(found.node):
            if node.name == "__init__":
                return parameters(found, node)
    return next((made for base in bases(found) if (made := constructor(base))), [])


def is_record(found: Definition) -> bool:
    """Return whether a class is a record: its fields are what it is made with."""
    if not isinstance(found.node, ast.ClassDef):
        return False
    names = {ast.unparse(base).rpartition(".")[2] for base in found.node.bases}
    return (
        bool(names & {"Struct", "NamedTuple"})
        or "dataclass" in decorators(found.node)
        or any(map(is_record, bases(found)))
    )


def parameters(found: Definition, node: Function) -> list[Parameter]:
    """Return the parameters of a function, without ``self`` and ``cls``."""
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    unset = [None] * (len(plain) - len(given.defaults))
    pairs = [(argument, default, False) for argument, default in zip(plain, [*unset, *given.defaults], strict=True)]
    if isinstance(found.node, ast.ClassDef) and "staticmethod" not in decorators(node):
        pairs = pairs[1:]
    made = [_parameter(found, argument, default) for argument, default, _ in pairs]
    if given.vararg:
        made.append(replace(_parameter(found, given.vararg, None), name=f"*{given.vararg.arg}"))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        made.append(replace(_parameter(found, argument, default), by_name=not given.vararg))
    if given.kwarg:
        made.append(replace(_parameter(found, given.kwarg, None), name=f"**{given.kwarg.arg}"))
    return [each for each in made if not each.name.startswith("_")]


def written(start: str, given: Sequence[Parameter], returns: str = "") -> str:
    """Write a signature in one line, or with one line for each parameter if it is too long."""
    texts = [str(each) for each in given]
    first = next((index for index, each in enumerate(given) if each.by_name), None)
    if first is not None:
        texts.insert(first, "*")
    brackets = texts or start.startswith(("def", "async"))
    line = f"{start}({', '.join(texts)}){returns}" if brackets else start
    lines = [line] if len(line) <= WIDTH else [f"{start}(", *(f"    {text}," for text in texts), f"){returns}"]
    return double_quoted("\n".join(lines))


def double_quoted(code: str) -> str:
    """Write texts as our source does; ``ast.unparse`` writes them in single quotes."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', code)


def _parameter(found: Definition, argument: ast.arg, default: ast.expr | None) -> Parameter:
    kind = ast.unparse(argument.annotation) if argument.annotation else ""
    return Parameter(argument.arg, kind, _value(found.module, default) if default else "")


def _fields(found: Definition) -> Iterator[Parameter]:
    """The fields of a record, those of its bases first."""
    for base in bases(found):
        yield from _fields(base)
    if not isinstance(found.node, ast.ClassDef):
        return
    options = [
        *found.node.keywords,
        *(each for call in found.node.decorator_list for each in getattr(call, "keywords", [])),
    ]
    by_name = any(each.arg == "kw_only" and ast.unparse(each.value) == "True" for each in options)
    for node in found.node.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            kind = ast.unparse(node.annotation)
            if not kind.startswith(("ClassVar", "Final")):
                yield Parameter(node.target.id, kind, _value(found.module, node.value) if node.value else "", by_name)


def _value(module: str, value: ast.expr) -> str:
    """Write a default; the name of a constant that is a number becomes the number."""
    if isinstance(value, ast.Call) and (name := ast.unparse(value.func).rpartition(".")[2]) in _MAKERS:
        position = _MAKERS[name]
        named = [each.value for each in value.keywords if each.arg == "default"]
        placed = [] if position is None else value.args[position : position + 1]
        return _value(module, default) if (default := next(iter([*named, *placed]), None)) else "..."
    if isinstance(value, ast.Name) and (found := locate(module, value.id)) is not None:
        constant = found.node.value if isinstance(found.node, ast.Assign | ast.AnnAssign) else None
        if constant is not None and all(isinstance(each, _OF_NUMBERS) for each in ast.walk(constant)):
            return ast.unparse(constant)
    return ast.unparse(value)
