"""One action in one of the two contracts that are compared."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from leveret.contracts.diff.contract import Contract, PromisedAction
from leveret.contracts.diff.nodes import used_types, without_names
from leveret.contracts.schemas import Schema


class Side(Struct, frozen=True):
    """An action in one of two contracts, with the types of that contract."""

    action: PromisedAction
    types: Mapping[str, Schema]

    def takes_the_same(self, other: Side) -> bool:
        """Return whether both have the same schema for the input."""
        return _same(self.action.takes, self.types, other.action.takes, other.types)

    def answers_the_same(self, other: Side) -> bool:
        """Return whether both have the same schema for the output."""
        return _same(self.action.output, self.types, other.action.output, other.types)


def side_of(contract: Contract, name: str) -> Side:
    """Return an action of a contract by its version and name."""
    return Side(contract.actions[name], contract.types)


def _same(one: Schema, types: Mapping[str, Schema], other: Schema, others: Mapping[str, Schema]) -> bool:
    return (one == other and used_types(one, types) == used_types(other, others)) or (
        without_names(one, types) == without_names(other, others)
    )
