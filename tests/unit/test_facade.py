"""What ``import leveret`` offers, and what it costs."""

import subprocess
import sys
from typing import get_args

import pytest

import leveret


def test_every_public_name_is_there_and_listed() -> None:
    assert sorted(leveret._MODULES) == leveret.__all__
    assert set(leveret.__all__) <= set(dir(leveret))
    for name in leveret.__all__:
        found = getattr(leveret, name)
        assert name == "Secret" or found.__name__ == name
    assert get_args(leveret.Secret[str])[0] is str


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'leveret' has no attribute 'Burrow'"):
        _ = leveret.Burrow


@pytest.mark.parametrize("names", ["Client, BlockingClient, Topology", "Api, Context"])
def test_who_calls_or_registers_actions_loads_no_database_library(names: str) -> None:
    program = f"import sys; from leveret import {names}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert {"sqlalchemy", "psycopg", "leveret.worker"}.isdisjoint(done.stdout.split())


def test_who_calls_by_name_loads_no_api_and_who_calls_by_function_no_database_library() -> None:
    by_name = "import sys; from leveret import BlockingClient, Client; print(*sys.modules)"
    assert {"leveret.api", "leveret.auth", "jwt"}.isdisjoint(modules_of(by_name))
    by_function = """
import asyncio, sys
from leveret import Actions, Client, Context
from leveret.errors import NotSent

actions = Actions("v1")

@actions.action("add", writes=True)
def add(context: Context, given: list[int]) -> int:
    return context.connection.execute("...").scalar_one()

async def main() -> None:
    try:
        await Client("amqp://localhost", "sums").call(add, {})
    except NotSent:
        print(*sys.modules)

asyncio.run(main())
"""
    assert {"sqlalchemy", "psycopg", "leveret.worker"}.isdisjoint(modules_of(by_function))


def modules_of(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert "leveret.client" in done.stdout
    return done.stdout.split()
