"""What a change of an application breaks: its old contract against the application as it is now."""

from __future__ import annotations

from typing import Any

from leveret.application import Application
from leveret.contracts.diff.answers import AnswerComparison
from leveret.contracts.diff.building import contract_of
from leveret.contracts.diff.contract import Contract
from leveret.contracts.diff.door import WorkersDoor
from leveret.contracts.diff.inputs import InputComparison
from leveret.contracts.diff.notes import notes_of_action, notes_of_contract
from leveret.contracts.diff.report import Break, Note, Report
from leveret.contracts.diff.routes import route_breaks, route_notes, shape_of
from leveret.contracts.diff.sides import Side, side_of


def compare(old: Contract, app: Application[Any]) -> Report:
    """Return what callers and readers of an old contract cannot rely on any more, each with a message that fails.

    Inputs are made from both contracts and given to the decoders that the application's workers have. Answers are made
    from the types that its actions return, and checked against the old contract.

    Args:
        old: the contract that others rely on.
        app: the application as it is now; all of its actions are registered.
    """
    return _Comparison(old, app).report()


class _Comparison:
    """One comparison, while it is made."""

    def __init__(self, old: Contract, app: Application[Any]) -> None:
        self._old, self._app = old, app
        self._new = contract_of(app, tried=False)
        self._door = WorkersDoor(app)
        self._breaks: list[Break] = []
        self._tried = 0

    def report(self) -> Report:
        notes = list(notes_of_contract(self._old, self._new))
        for name in self._old.actions:
            if name in self._new.actions:
                notes += self._compare(name, name, name)
            else:
                self._breaks.append(self._removed(name))
        self._breaks += route_breaks(self._old, self._new)
        notes += [*route_notes(self._old, self._new), *self._compare_moved()]
        return Report(self._breaks, notes, self._tried)

    def _compare(self, subject: str, before: str, now: str) -> list[Note]:
        """Compare one action with what it was, or with the one that is called in its place."""
        old, new = side_of(self._old, before), side_of(self._new, now)
        inputs = InputComparison(old, new, now, self._door)
        answers = AnswerComparison(old, new, self._app.find(*now.split(".", 1)))
        found = [*inputs.breaks(subject), *answers.breaks(subject)]
        if old.action.public and not new.action.public:
            found.append(self._token_needed(subject, now, old))
        self._tried += inputs.tried + answers.tried
        self._breaks += found
        return list(notes_of_action(subject, old, new, {each.whom for each in found}))

    def _compare_moved(self) -> list[Note]:
        """Compare what a route calls now with what it called before, where that is another action."""
        now = {shape_of(pattern): route.action for pattern, route in self._new.routes.items()}
        notes = []
        for pattern, route in self._old.routes.items():
            found = now.get(shape_of(pattern), route.action)
            if found != route.action:
                notes += self._compare(pattern, route.action, found)
        return notes

    def _removed(self, name: str) -> Break:
        data = next(iter(self._old.actions[name].examples), {})
        return self._refused(name, name, data, "the action is gone")

    def _token_needed(self, subject: str, name: str, old: Side) -> Break:
        data = next(iter(old.action.examples), {})
        return self._refused(subject, name, data, "a token is needed", with_token=False)

    def _refused(self, subject: str, name: str, data: dict[str, Any], change: str, *, with_token: bool = True) -> Break:
        refused = self._door.refuse(name, data, with_token=with_token)
        if refused is None:
            raise AssertionError(f"{name} takes {data}, although {change}")
        self._tried += 1
        return Break(
            subject=subject, place="", whom="callers", change=change, message=refused.request, fails=refused.reply
        )
