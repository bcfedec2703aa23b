"""Finds the definitions of names in the source. Nothing is imported, so an extra that is missing does not matter."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

SOURCE = Path(__file__).resolve().parents[2] / "src"

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """Where a name is defined.

    Attributes:
        module: the module that defines it, which is often not the one that it is imported from.
        name: its name there.
        node: a class, a function or an assignment.
        doc: its docstring without indentation; empty for none.
    """

    module: str
    name: str
    node: ast.ClassDef | Function | ast.Assign | ast.AnnAssign
    doc: str


@cache
def tree(module: str) -> ast.Module:
    """Parse a module, or the ``__init__`` of a package."""
    path = SOURCE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def module_doc(module: str) -> str:
    """Return the docstring of a module."""
    return ast.get_docstring(tree(module)) or ""


def exists(module: str) -> bool:
    """Return whether there is such a module."""
    path = SOURCE.joinpath(*module.split("."))
    return (path / "__init__.py").is_file() or path.with_suffix(".py").is_file()


def public_names(module: str) -> list[str]:
    """Return the public names of a module: ``__all__``, or what it defines itself without an underscore."""
    body = tree(module).body
    for node in body:
        if "__all__" in _targets(node) and isinstance(node, ast.Assign):
            names: list[str] = ast.literal_eval(node.value)
            return names
    names = [name for node in body for name in _defined(node)]
    return [name for name in names if not name.startswith("_") and name != "logger"]


@cache
def locate(module: str, name: str) -> Definition | None:
    """Return the definition of a name that a module defines or imports from this project; None for any other name."""
    body = list(_statements(tree(module).body))
    for index, node in enumerate(body):
        if isinstance(node, ast.ClassDef | Function) and node.name == name and not is_overload(node):
            return Definition(module, name, node, ast.get_docstring(node) or "")
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _targets(node):
            return Definition(module, name, node, _text(body[index + 1 : index + 2]))
        if isinstance(node, ast.ImportFrom) and node.module and exists(node.module):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return locate(node.module, alias.name)
    return None


def bases(found: Definition) -> list[Definition]:
    """Return the classes of this project that a class is derived from."""
    if not isinstance(found.node, ast.ClassDef):
        return []
    names = [base.value if isinstance(base, ast.Subscript) else base for base in found.node.bases]
    located = [locate(found.module, name.id) for name in names if isinstance(name, ast.Name)]
    return [base for base in located if base is not None]


def functions(found: ast.ClassDef) -> list[Function]:
    """Return the functions that a class defines, without the overloads."""
    return [node for node in found.body if isinstance(node, Function) and not is_overload(node)]


def overloads(body: Sequence[ast.stmt], name: str) -> list[Function]:
    """Return the overloads of a function, in the body of its class or module."""
    return [node for node in body if isinstance(node, Function) and node.name == name and is_overload(node)]


def is_overload(node: ast.stmt) -> bool:
    """Return whether this is only one of a function's signatures."""
    return isinstance(node, Function) and "overload" in decorators(node)


def decorators(node: ast.ClassDef | Function) -> list[str]:
    """Return the names of the decorators, without their modules and arguments."""
    texts = [ast.unparse(found.func if isinstance(found, ast.Call) else found) for found in node.decorator_list]
    return [text.rpartition(".")[2] for text in texts]


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk through a module's statements, and those under ``if``, such as ``if TYPE_CHECKING``."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements(node.body)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | Function):
        return [node.name]
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    is_type_variable = isinstance(value, ast.Call) and ast.unparse(value.func).endswith(("TypeVar", "ParamSpec"))
    return [] if is_type_variable else _targets(node)


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _text(body: Sequence[ast.stmt]) -> str:
    """Return the text that stands below an assignment."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return inspect.cleandoc(text)
    return ""
