"""The tables that a worker needs, made and upgraded: the framework's own and the application's."""

from leveret.sql.schema.application import Names, Schema
from leveret.sql.schema.complete import make_all
from leveret.sql.schema.environment import run_env
from leveret.sql.schema.revising import revise
from leveret.sql.schema.upgrading import current, describe, is_current, newest, prepare, upgrade

__all__ = [
    "Names",
    "Schema",
    "current",
    "describe",
    "is_current",
    "make_all",
    "newest",
    "prepare",
    "revise",
    "run_env",
    "upgrade",
]
