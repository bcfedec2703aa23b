"""The reference of the Python interface is what the docstrings say, and the docstrings say what is needed."""

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from scripts.reference.docstrings import Docstring, parse
from scripts.reference.modules import INNER, MODULES
from scripts.reference.pages import FOLDER, described, docstring_of, methods, written_pages
from scripts.reference.signatures import constructor, of_class, of_function, parameters
from scripts.reference.source import Definition, Function, functions, locate, public_names
from support.pages import python_blocks

MAKERS = ("__init__", "__post_init__")

DEFINITIONS = {f"{each.page}.{each.name}": each.found for each in described().values()}
METHODS = {f"{name}.{method.node.name}": method for name, found in DEFINITIONS.items() for method in methods(found)}
DOCS = {name: found.doc for name, found in DEFINITIONS.items()} | {name: each.doc for name, each in METHODS.items()}


def raised(node: ast.AST) -> Iterator[str]:
    """Yield the names of the classes that a function raises itself, without the functions in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            thrown = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(thrown)
            if name.rpartition(".")[2][:1].isupper():
                yield name
        yield from raised(child)


def class_named(module: str, name: str) -> Any:
    space = vars(builtins) | vars(import_module(module))
    first, *rest = name.split(".")
    found = space[first]
    for part in rest:
        found = getattr(found, part)
    return found


def not_described(module: str, node: Function, doc: Docstring) -> list[str]:
    """Return the errors that a function raises itself and that ``Raises`` names neither by itself nor by a base."""
    bases = ({base.__name__ for base in class_named(module, name).__mro__} for name in raised(node))
    known = {name.rpartition(".")[2] for name in doc.names("Raises")}
    return [name for name, kinds in zip(raised(node), bases, strict=True) if not kinds & known]


def function_named(text: str) -> Function:
    node = ast.parse(inspect.cleandoc(text)).body[0]
    assert isinstance(node, Function)
    return node


def test_the_pages_are_what_the_docstrings_say() -> None:
    pages = {page.name: page.read_text() for page in FOLDER.glob("*.md")}
    stale = sorted(name for name, text in written_pages().items() if pages.get(name) != text)
    assert (stale, sorted(pages)) == ([], sorted(written_pages())), "run `make reference`"


def test_every_public_name_of_the_package_is_described() -> None:
    assert set(public_names("leveret")) <= {each.name for each in described().values()}


@pytest.mark.parametrize("name", DOCS)
def test_every_public_name_says_what_it_is(name: str) -> None:
    first = DOCS[name].partition("\n\n")[0]
    assert first.endswith((".", ":", "?")), f"{name} has no docstring, or one that does not begin with a sentence"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_names_every_error_that_it_raises(name: str) -> None:
    method = METHODS[name]
    assert not_described(method.owner.module, method.node, parse(method.doc)) == []


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_function_or_class_names_every_error_that_it_raises(name: str) -> None:
    found = DEFINITIONS[name]
    makers = [found.node] if isinstance(found.node, Function) else []
    if isinstance(found.node, ast.ClassDef):
        makers = [node for node in functions(found.node) if node.name in MAKERS]
    assert [not_described(found.module, node, parse(found.doc)) for node in makers] == [[] for _ in makers]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_explains_all_arguments_or_none_and_no_others(name: str) -> None:
    method = METHODS[name]
    explained = parse(method.doc).names("Args")
    given = [each.name.lstrip("*") for each in parameters(method.owner, method.node)]
    assert explained in ([], given)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_function_or_class_explains_all_arguments_or_none_and_no_others(name: str) -> None:
    found = DEFINITIONS[name]
    doc = docstring_of(found)
    given = parameters(found, found.node) if isinstance(found.node, Function) else constructor(found)
    assert doc.names("Args") in ([], [each.name.lstrip("*") for each in given])


def imports_of_the_guides() -> Iterator[tuple[str, str]]:
    """Yield each module and name of ours that a program in the documentation imports."""
    for _, code in python_blocks():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "leveret":
                yield from ((str(node.module), alias.name) for alias in node.names)


def test_everything_that_the_documentation_imports_is_in_the_reference() -> None:
    wanted = set(imports_of_the_guides())
    missing = {(module, name) for module, name in wanted if module not in MODULES or name not in public_names(module)}
    assert ("leveret.errors", "TemporaryError") in wanted
    assert missing == set()


def signatures() -> Iterator[tuple[str, str]]:
    """Yield each signature with the module that it stands in."""
    for found in DEFINITIONS.values():
        if isinstance(found.node, Function):
            yield found.module, of_function(found, found.node, found.name, [])
        elif isinstance(found.node, ast.ClassDef):
            yield found.module, of_class(found)
    for method in METHODS.values():
        yield method.owner.module, of_function(method.owner, method.node, method.node.name, [])


def test_every_type_of_ours_in_a_signature_is_described() -> None:
    known = {(found.module, found.name) for found in DEFINITIONS.values()}
    named = {(module, name) for module, text in signatures() for name in re.findall(r"\b[A-Z]\w+\b", text)}
    ours = {located for module, name in named if (located := locate(module, name))}
    classes = {each for each in ours if not each.name.isupper()}
    missing = {each.name for each in classes if (each.module, each.name) not in known}
    assert missing - INNER == set()


# The tools themselves.


def test_an_error_that_a_function_raises_and_does_not_name_is_found() -> None:
    node = function_named(
        """
        def act(kind):
            if kind:
                raise LookupError("not there")
            def inner():
                raise TypeError("of another function")
            try:
                pass
            except KeyError as error:
                raise error
            raise NotFound("gone") from None
        """
    )
    found = [parse(f"Act.\n\n{section}") for section in ("", "Raises:\n    LookupError: it is not there.")]
    assert not_described("leveret.errors", node, found[0]) == ["LookupError", "NotFound"]
    assert not_described("leveret.errors", node, found[1]) == ["NotFound"]
    assert not_described("leveret.errors", node, parse("Act.\n\nRaises:\n    Exception, LeveretError: often.")) == []


def test_a_docstring_is_taken_apart() -> None:
    arguments = "Args:\n    one, two: both\n        of them.\n    *rest: what is left."
    doc = parse(f"First.\n\nMore.\n\n{arguments}\n\nReturns:\n    A text.")
    assert doc.description == "First.\n\nMore."
    assert [(entry.names, entry.text) for entry in doc.entries["Args"]] == [
        (("one", "two"), "both\nof them."),
        (("*rest",), "what is left."),
    ]
    assert doc.names("Args") == ["one", "two", "rest"]
    assert doc.texts == {"Returns": "A text."}


def test_a_section_with_a_line_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'name: explanation': 'something went wrong'"):
        parse("First.\n\nRaises:\n    something went wrong")


def test_a_record_is_made_with_its_fields_and_those_of_its_base() -> None:
    found = locate("leveret.observe", "Settled")
    assert found is not None
    assert of_class(found) == ("class Settled(subject: Subject, at: float = ..., *, outcome: Outcome)")


def test_a_signature_shows_a_constant_as_its_number_and_hides_self() -> None:
    found = locate("leveret", "Client")
    assert found is not None
    assert isinstance(found.node, ast.ClassDef)
    send = next(node for node in functions(found.node) if node.name == "send")
    text = of_function(found, send, "send", found.node.body)
    assert text.startswith("async def send(\n    action: str,\n")
    assert text.endswith("    timeout: float = 10.0,\n) -> str")


def test_all_signatures_of_a_function_with_overloads_are_shown() -> None:
    body = ast.parse("@overload\ndef get(a: int) -> int: ...\n@typing.overload\ndef get(a: str) -> str: ...").body
    body += ast.parse("def get(a):\n    return a").body
    last = body[-1]
    assert isinstance(last, ast.FunctionDef)
    text = of_function(Definition("leveret", "get", last, ""), last, "get", body)
    assert text == "def get(a: int) -> int\ndef get(a: str) -> str"
