"""Editing letters: what would be changed, and the change."""

from leveret.operate.edit.planning import EditPlan, Executed, RefusedEdit, plan_edits
from leveret.operate.edit.replacing import replace_letters

__all__ = ["EditPlan", "Executed", "RefusedEdit", "plan_edits", "replace_letters"]
