"""Tables fit into the terminal, and no id in them is broken."""

from __future__ import annotations

import pytest

from leveret.cli.terminal.screen import print_table

ID = "0b0cbb2e-5d0f-4d5c-9c53-0a3d5f0f7a11"
COLUMNS = ("given up", "request", "action", "why")
ROW = ("10:12", ID, "v1.create_task", "OperationalError")
CUT = ("action", "why")


def printed(width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table("Letters", COLUMNS, [ROW, ROW], one_line=CUT)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [20, 50, 72, 73, 80, 120])
def test_no_id_is_broken_however_narrow_the_terminal_is(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(width, capsys, monkeypatch)
    assert sum(ID in line for line in lines) == 2


def test_a_narrow_terminal_gets_a_line_for_each_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ["", "given up  10:12", f"request   {ID}", "action    v1.create_task", "why       OperationalError"]
    assert printed(50, capsys, monkeypatch) == ["Letters", *row, *row]


def test_a_wide_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(80, capsys, monkeypatch)
    assert max(map(len, lines)) <= 80
    assert any(all(name in line for name in COLUMNS) for line in lines)
