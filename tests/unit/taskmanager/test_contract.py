"""The contract of the Task Manager in this repository: nobody who relies on it is broken, and it is not stale."""

from __future__ import annotations

from pathlib import Path

from leveret.contracts.diff.building import contract_of
from leveret.contracts.diff.compare import compare
from leveret.contracts.diff.contract import read_contract, write_contract
from taskmanager.actions import app

CONTRACT = Path(__file__).resolve().parents[3] / "taskmanager" / "contract.json"


def test_nobody_who_relies_on_the_contract_is_broken() -> None:
    app.complete()
    report = compare(read_contract(CONTRACT.read_bytes()), app)
    assert list(report.breaks) == []
    assert report.tried > 500


def test_the_contract_is_not_stale() -> None:
    app.complete()
    assert write_contract(contract_of(app)) == CONTRACT.read_text(encoding="utf-8"), "stale: make contract"
