"""Writes the pages of the reference: Markdown with one section for each public name."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

from scripts.reference import signatures
from scripts.reference.docstrings import Docstring, parse
from scripts.reference.links import CODE, Links, plain
from scripts.reference.modules import MODULES, TYPES, TYPES_PAGE
from scripts.reference.source import (
    Definition,
    Function,
    bases,
    functions,
    locate,
    module_doc,
    public_names,
    tree,
)

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"

_NOTE = "<!-- Written from the docstrings by `make reference`. Change the docstrings, not this page. -->"
_WIDTH = 100
_TITLES = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Errors"}


@dataclass(frozen=True)
class Described:
    """A public name and the page that describes it."""

    page: str
    name: str
    found: Definition

    @property
    def link(self) -> str:
        """Where its section is, as a link from another page of the reference."""
        return f"{self.page}.md#{self.name.lower()}"


@dataclass(frozen=True)
class Method:
    """A method of a class, and the definition of the class that it stands in."""

    owner: Definition
    node: Function

    @property
    def doc(self) -> str:
        """Its docstring, without indentation."""
        return ast.get_docstring(self.node) or ""


@cache
def described() -> dict[tuple[str, str], Described]:
    """Return every public name, by the module and name of its definition.

    Raises:
        LookupError: a public name has no definition in the source.
    """
    found: dict[tuple[str, str], Described] = {}
    wanted = [(module, module, name) for module in MODULES for name in public_names(module)]
    wanted += [(TYPES_PAGE, module, name) for name, module in TYPES.items()]
    for page, module, name in wanted:
        definition = locate(module, name)
        if definition is None:
            raise LookupError(f"{module}.{name} is public and is not defined anywhere")
        found.setdefault((definition.module, definition.name), Described(page, name, definition))
    return found


def methods(found: Definition) -> list[Method]:
    """Return the public methods of a class, with those of bases that have no section of their own."""
    if not isinstance(found.node, ast.ClassDef):
        return []
    own = [Method(found, node) for node in functions(found.node) if not node.name.startswith("_")]
    hidden = [base for base in bases(found) if (base.module, base.name) not in described()]
    inherited = chain.from_iterable(map(methods, hidden))
    names = {method.node.name for method in own}
    return own + [method for method in inherited if method.node.name not in names]


def described_bases(found: Definition) -> list[Definition]:
    """Return the classes with a section of their own that a class is derived from, directly or through others."""
    known = described()
    direct = [[base] if (base.module, base.name) in known else described_bases(base) for base in bases(found)]
    return list(chain.from_iterable(direct))


def docstring_of(found: Definition) -> Docstring:
    """Return a docstring; that of a class has the sections of a base that has no section of its own, too."""
    own = parse(found.doc)
    for base in bases(found):
        if (base.module, base.name) not in described():
            below = docstring_of(base)
            own = replace(own, entries={**below.entries, **own.entries}, texts={**below.texts, **own.texts})
    return own


def written_pages() -> dict[str, str]:
    """Return the text of each page, by its file's name."""
    index = described()
    pages = {f"{module}.md": _module_page(module, index) for module in MODULES}
    return {"index.md": _index(index), **pages, f"{TYPES_PAGE}.md": _types_page(index)}


def _index(index: dict[tuple[str, str], Described]) -> str:
    lines = [_NOTE, "", "# Reference of the Python interface", ""]
    lines += _wrapped("What can be imported, module by module. Everything else may change without notice.")
    for page in (*MODULES, TYPES_PAGE):
        lines += ["", f"## [{page}]({page}.md)", ""]
        rows = [each for each in index.values() if each.page == page]
        lines += ["| name | what it is |", "|---|---|"]
        for each in sorted(rows, key=lambda row: row.name.lower()):
            first = each.found.doc.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            lines.append(f"| [`{each.name}`]({each.link}) | {CODE.sub(plain, first)} |")
    return "\n".join(lines) + "\n"


def _types_page(index: dict[tuple[str, str], Described]) -> str:
    links = Links(TYPES_PAGE, _targets(index))
    lines = [_NOTE, "", "# Types in signatures", ""]
    lines += _wrapped("Types that other pages name. Most programs get such a value, or give a plain one in its place.")
    for each in (each for each in index.values() if each.page == TYPES_PAGE):
        heading, *section = _section(each, links)
        lines += ["", heading, "", f"`from {TYPES[each.name]} import {each.name}`", *section]
    return "\n".join(lines) + "\n"


def _module_page(module: str, index: dict[tuple[str, str], Described]) -> str:
    links = Links(module, _targets(index))
    lines = [_NOTE, "", f"# `{module}`", "", *_prose(module_doc(module), links)]
    own = [each for each in index.values() if each.page == module]
    for each in own if module == "leveret.errors" else sorted(own, key=lambda row: row.name.lower()):
        lines += ["", *_section(each, links)]
    elsewhere = sorted(set(public_names(module)) - {each.name for each in own})
    if elsewhere:
        lines += ["", "## Described elsewhere", ""]
        lines += _wrapped(f"{', '.join(links.of_name(name) or name for name in elsewhere)}.")
    return "\n".join(lines) + "\n"


def _targets(index: dict[tuple[str, str], Described]) -> dict[str, str]:
    """Return where each name is described: by its name alone, and with its module; and each module's page."""
    short: dict[str, str] = {}
    for each in index.values():
        short.setdefault(each.name, each.link)
    modules = {module: f"{module}.md" for module in MODULES}
    return short | modules | {f"{each.page}.{each.name}": each.link for each in index.values()}


def _section(each: Described, links: Links) -> list[str]:
    found, node = each.found, each.found.node
    lines = [f"## {each.name}", ""]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        lines += _code(_assignment(each.name, node))
        return [*lines, "", *_docstring(parse(found.doc), links)]
    if isinstance(node, Function):
        lines += _code(signatures.of_function(found, node, each.name, tree(found.module).body))
        return [*lines, "", *_docstring(parse(found.doc), links)]
    mine = links.within(each.name, [method.node.name for method in methods(found)])
    lines += _code(signatures.of_class(found))
    lines += _kind(found, links)
    lines += ["", *_docstring(docstring_of(found), mine)]
    for method in methods(found):
        name = method.node.name
        body = method.owner.node.body if isinstance(method.owner.node, ast.ClassDef) else []
        lines += ["", f"### {each.name}.{name}", ""]
        lines += _code(signatures.of_function(method.owner, method.node, name, body))
        lines += ["", *_docstring(parse(method.doc), mine)]
    return lines


def _kind(found: Definition, links: Links) -> list[str]:
    """Say which described classes a class is derived from, and which methods it has from them."""
    kinds = [(base, text) for base in described_bases(found) if (text := links.of_name(base.name))]
    if not kinds:
        return []
    own = {method.node.name for method in methods(found)}
    names = [
        f"[`{method.node.name}`]({links.of_member(base.name, method.node.name)})"
        for base, _ in kinds
        for method in methods(base)
        if method.node.name not in own
    ]
    from_it = f", with its {', '.join(names)}" if names else ""
    return ["", *_wrapped(f"A kind of {' and '.join(text for _, text in kinds)}{from_it}.")]


def _assignment(name: str, node: ast.Assign | ast.AnnAssign) -> str:
    """Show a short value, and of a long one only its type."""
    kind = f": {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else ""
    value = ast.unparse(node.value) if node.value else ""
    text = signatures.double_quoted(f"{name}{kind.replace(': Final', '').replace(': TypeAlias', '')} = {value}")
    return text if len(text) <= signatures.WIDTH else f"{name}{kind}"


def _docstring(doc: Docstring, links: Links) -> list[str]:
    lines = _prose(doc.description, links)
    for section, entries in doc.entries.items():
        lines += ["", f"**{_TITLES[section]}**", ""]
        for entry in entries:
            linked = [links.of_name(name) if section == "Raises" else None for name in entry.names]
            names = ", ".join(link or f"`{name}`" for name, link in zip(entry.names, linked, strict=True))
            lines += _wrapped(f"- {names}: {links.put_in(entry.text)}", indent="  ")
    for section, text in doc.texts.items():
        lines += ["", f"**{section}**", "", *_prose(text, links)]
    return lines


def _prose(text: str, links: Links) -> list[str]:
    """Wrap paragraphs; a list stays a list, and a drawing stays as it is."""
    lines: list[str] = []
    for block in text.split("\n\n"):
        if "├──" in block:
            lines += ["", *_code(block, language="")]
        elif block.startswith("- "):
            lines.append("")
            for point in re.split(r"\n(?=- )", block):
                lines += _wrapped(links.put_in(point), indent="  ")
        elif block.strip():
            lines += ["", *_wrapped(links.put_in(block))]
    return lines[1:]


def _code(text: str, language: str = "py") -> list[str]:
    return [f"```{language}", *text.splitlines(), "```"]


def _wrapped(text: str, indent: str = "") -> list[str]:
    flat = " ".join(text.split())
    return textwrap.wrap(flat, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
