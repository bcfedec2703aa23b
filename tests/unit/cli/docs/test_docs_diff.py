"""`docs contract` and `docs diff`: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leveret.cli.leveret import command
from leveret.cli.program import Program

NOTES = "support.notes:app"
UNUSUAL = "support.unusual_app:app"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        command.run(Program("leveret"), words)
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "made" / "contract.json"
    code, out, _ = run(capsys, "docs", "contract", UNUSUAL, "--output", str(path))
    assert (code, out) == (0, f"Wrote {path}\n")
    return path


def test_the_same_application_breaks_nobody(contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "docs", "diff", str(contract), UNUSUAL)
    assert code == 0
    assert out.startswith("Nothing breaks: 0 compatible changes, ")
    assert run(capsys, "docs", "contract", UNUSUAL)[1] == contract.read_text(encoding="utf-8")


def test_a_break_is_printed_with_its_message_and_ends_with_1(
    contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = json.loads(contract.read_text(encoding="utf-8"))
    known["types"]["Node"]["properties"]["size"] = {"type": "string"}
    known["types"]["Printed"]["required"].append("at")
    contract.write_text(json.dumps(known), encoding="utf-8")
    code, out, _ = run(capsys, "docs", "diff", str(contract), UNUSUAL)
    assert code == 1
    assert "breaks  callers of v2.turn at size: an input that was accepted is refused" in out
    assert 'message {"id":"contract","version":"v2","action":"turn","data":{"name":"a","size":"' in out
    assert "fails   invalid_request: Field size: Invalid enum value" in out
    assert "fails   'at' is a required property" in out
    code, out, _ = run(capsys, "docs", "diff", str(contract), UNUSUAL, "--json")
    found = json.loads(out)
    assert (code, found["well"]) == (1, False)
    assert {(each["subject"], each["whom"]) for each in found["breaks"]} >= {
        ("v2.turn", "callers"),
        ("v1.list", "callers"),
        ("v1.list", "readers"),
    }


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("[]", "it is not a contract")])
def test_what_is_no_contract_is_wrong_use(
    text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    code, out, error = run(capsys, "docs", "diff", str(path), UNUSUAL)
    assert (code, out) == (2, "")
    assert said in error
