"""The page for people lists the exit codes that programs have, and no other."""

import re
from pathlib import Path

from leveret.process import exit_codes

PAGE = Path(__file__).resolve().parents[3] / "docs" / "command-line.md"


def test_the_page_of_the_command_line_lists_every_exit_code() -> None:
    table = PAGE.read_text().partition("Exit codes, for every command:")[2].partition("\n\nErrors")[0]
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    known = sorted(value for name, value in vars(exit_codes).items() if name.isupper())
    assert listed == known
