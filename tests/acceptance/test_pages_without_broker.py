"""Commands of the pages that need no broker, run word for word beside the guest book of the tutorial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import DOCS, python_blocks
from support.walking import Terminal, blocks, environment

DOCUMENTS, CLIENTS, CHANGES, COMMANDS = (
    DOCS / page
    for page in ("how-to/documents.md", "how-to/generated-clients.md", "how-to/change-an-action.md", "command-line.md")
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in a folder with the guest book."""
    (tmp_path / "guestbook.py").write_text(dict(python_blocks())["docs/tutorial.md#1"])
    terminal = Terminal(tmp_path / "terminal.txt", tmp_path, environment(tmp_path))
    yield terminal
    terminal.close()


def run(terminal: Terminal, page: Path, begin: str) -> None:
    """Run every line of the block of a page that begins so; each ends with 0."""
    (code,) = (block.code for block in blocks(page) if block.code.startswith(begin))
    for line in code.splitlines():
        assert terminal.run(line)[1] == 0, terminal.text


def test_the_documents_of_an_application_are_written(terminal: Terminal, tmp_path: Path) -> None:
    run(terminal, DOCUMENTS, "leveret docs openapi")
    assert {"openapi.json", "asyncapi.json", "types.json"} <= {path.name for path in tmp_path.iterdir()}


def test_clients_are_generated_and_compared(terminal: Terminal, tmp_path: Path) -> None:
    run(terminal, CLIENTS, "leveret clients python guestbook:app --output")
    run(terminal, CLIENTS, "leveret clients python guestbook:app | diff")
    run(terminal, CLIENTS, "leveret clients typescript")
    assert {path.name for path in (tmp_path / "web" / "api").iterdir()} >= {"openapi.json", "client.ts"}


def test_clients_of_the_task_manager_are_generated(terminal: Terminal, tmp_path: Path) -> None:
    run(terminal, COMMANDS, "taskmanager clients python")
    assert "class TaskV2" in (tmp_path / "taskmanager_client.py").read_text()


def test_a_contract_is_kept_and_compared(terminal: Terminal, tmp_path: Path) -> None:
    run(terminal, CHANGES, "python -m pip install")
    kept = (tmp_path / "contract.json").read_text()
    program = tmp_path / "guestbook.py"
    program.write_text(program.read_text().replace("name: str) -> Entry", "name: str, age: int) -> Entry"))
    output, code = terminal.run("leveret docs diff contract.json guestbook:app")
    assert (code, "breaks  callers of v1.sign" in output) == (1, True), output
    assert kept == (tmp_path / "contract.json").read_text()
