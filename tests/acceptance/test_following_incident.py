"""The operator's page, followed with its own demonstration: what fails is found, mended and sent again."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import LIMIT
from support.pages import DOCS, ROOT
from support.walking import Terminal, blocks, environment
from testbed.waiting import wait_until

PAGE = DOCS / "operate" / "incident.md"
APP = "scripts.console_demo.shop:app"
SHOP = "scripts/console_demo/shop.py"
LONG = 4 * LIMIT
OTHERWISE = (" top ", " letters groups ", " letters list ", " letters show ", " history ")
"""Commands that print something else without a terminal, or what the load does at that moment."""

NUMBERS = re.compile(r"\b[0-9a-f]{8,}\b|\d+(\.\d+)?")
TABLE = set("┏┓┗┛┡┩├┤└┘━─│┃")


class Operator:
    """Somebody who follows the page, in the folder of the demonstration."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self.folder = folder
        self.terminal = terminal
        self.replaced: dict[str, str] = {}

    def run(self, command: str, *, code: int = 0) -> str:
        """Run a command of the page with the ids of this demonstration."""
        for shown, own in self.replaced.items():
            command = command.replace(shown, own)
        output, ended = self.terminal.run(command)
        assert ended == code, f"{command}\n{output}"
        return output

    def follow(self, begin: str) -> list[str]:
        """Run the commands of the block that begins so, and compare lines that are the same without a terminal."""
        (block,) = (each.code for each in blocks(PAGE) if each.code.startswith(begin))
        outputs = []
        for session in block.split("$ ")[1:]:
            command, _, shown = session.partition("\n")
            outputs.append(self.run(command))
            if not any(each in command for each in OTHERWISE):
                self._compare(shown, outputs[-1])
        return outputs

    def _compare(self, shown: str, output: str) -> None:
        printed = {alike(line) for line in output.splitlines()}
        wanted = [alike(line) for line in shown.splitlines() if line.strip() not in ("", "...")]
        assert [line for line in wanted if line not in printed] == [], output


def alike(line: str) -> str:
    """Return a line without numbers, ids and the width of a table."""
    return " ".join(NUMBERS.sub("N", "".join(" " if sign in TABLE else sign for sign in line)).split())


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """The demonstration runs in a copy, because the page changes its program."""
    folder = tmp_path / "repository"
    shutil.copytree(ROOT / "scripts" / "console_demo", folder / "scripts" / "console_demo")
    place = environment(tmp_path, COLUMNS="160")
    first = Terminal(tmp_path / "first.txt", folder, place)
    second = Terminal(tmp_path / "second.txt", folder, place)
    try:
        first.type(f"{sys.executable} -m scripts.console_demo --port 0 --metrics-port 0 --pause 0 </dev/null")
        wait_until(lambda: "The workers' log: " in first.text, f"the demonstration in\n{first.text}", limit=LONG)
        (export,) = re.findall(r"^  (export .*)$", first.text, re.MULTILINE)
        second.run(export)
        yield Operator(folder, second)
    finally:
        second.close()
        first.close()
    assert "Everything is stopped" in first.text


def wait_for_orders(operator: Operator) -> str:
    """Wait until ten orders have failed, and return their group."""
    found: list[str] = []

    def enough() -> bool:
        output, code = operator.terminal.run(f"leveret letters groups {APP}")
        groups = [json.loads(line) for line in output.splitlines()] if code == 0 else []  # no queues at first
        found[:] = [each["fingerprint"] for each in groups if each["exception"] == "KeyError" and each["present"] >= 10]
        return bool(found)

    wait_until(enough, "ten orders that failed", limit=LONG)
    return found[0]


def shown_ids() -> tuple[str, str]:
    """Return the group and the request that the page follows."""
    text = PAGE.read_text()
    (group,) = set(re.findall(r"--group (\w+)", text))
    (request,) = set(re.findall(rf"letters show {re.escape(APP)} (\w+)", text))
    return group, request


def mend(operator: Operator) -> None:
    """Do what the prose asks for, and wait for the workers."""
    (log,) = re.findall(r"The workers' log: (\S+)", (operator.folder.parent / "first.txt").read_text())
    started = Path(log).read_text().count("consuming")
    file = operator.folder / SHOP
    text = file.read_text()
    assert '"shelf": 61.5}' in text
    file.write_text(text.replace('"shelf": 61.5}', '"shelf": 61.5, "sofa": 410.0}').replace("2.4.1", "2.4.2"))
    wait_until(lambda: Path(log).read_text().count("consuming") >= started + 2, "both workers again", limit=LONG)


def test_an_incident_is_followed_from_the_alert_to_the_post_mortem(operator: Operator) -> None:
    group = wait_for_orders(operator)
    (page_group, page_id) = shown_ids()
    operator.replaced[page_group] = group[:8]
    seen = [alike(line) for line in operator.follow(f"$ leveret top --once {APP}")[0].splitlines()]
    assert "wrong: N requests were given up in the last N min" in seen
    assert "shop: N:N:N N workers, sorted by age" in seen
    operator.follow(f"$ leveret letters groups {APP}")
    listed = operator.run(f"leveret letters list --group {group} --limit 1 {APP}")
    operator.replaced[page_id] = json.loads(listed)["request_id"]
    shown = operator.follow("$ leveret letters list --group")[-1]
    assert "KeyError" in shown
    operator.follow(f"$ leveret letters note {APP} {page_group} 'the sofa has no price'")
    before, after = (each.code for each in blocks(PAGE) if "--what-if" in each.code)
    assert "would fail again" in operator.run(before.split("\n")[0].removeprefix("$ "), code=1)
    mend(operator)
    assert "would succeed" in operator.run(after.split("\n")[0].removeprefix("$ "))
    operator.follow(f"$ leveret letters redrive {APP} --group {page_group} --steps")
    assert "it was executed, and its response is stored" in operator.follow(f"$ leveret explain {APP}")[0]
    history = operator.follow(f"$ leveret letters note {APP} {page_group} 'priced since")[-1]
    told = [json.loads(line)["what"] for line in history.splitlines()]
    assert told == ["note", "redrive_ended", "redrive", "note"]
