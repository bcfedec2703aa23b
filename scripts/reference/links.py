"""Turns code in the text of the reference into links where it is a public name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

CODE = re.compile(r"``([^`]+)``|`([^`]+)`")
"""Code in a docstring."""


class Links:
    """The links of one page.

    Args:
        page: the module that the page describes.
        targets: where each public name is described, as a link from another page.
    """

    def __init__(self, page: str, targets: Mapping[str, str]) -> None:
        self._page = page
        self._targets = targets

    def within(self, owner: str, members: Iterable[str]) -> Links:
        """Return the links for the text of one class, which names its members without the class."""
        own = {name: f"{self._page}.md#{owner.lower()}{name.lower()}" for name in members}
        return Links(self._page, {**self._targets, **own})

    def of_name(self, name: str) -> str | None:
        """Return the link to where a name is described, or None if it is described nowhere."""
        target = self._targets.get(name)
        return None if target is None else f"[`{name}`]({self._from_here(target)})"

    def of_member(self, owner: str, name: str) -> str:
        """Return where a method of a described class is described."""
        return self._from_here(f"{self._targets[owner]}{name.lower()}")

    def _from_here(self, target: str) -> str:
        here = f"{self._page}.md#"
        return f"#{target.removeprefix(here)}" if target.startswith(here) else target

    def put_in(self, text: str) -> str:
        """Turn the code in a text into links where it is a public name."""
        return CODE.sub(lambda code: self.of_name(code[1] or code[2]) or plain(code), text)


def plain(code: re.Match[str]) -> str:
    """Return code as Markdown writes it."""
    return f"`{code[1] or code[2]}`"
