"""What the parts of the bench need, on the tests' broker."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.load import build_load
from bench.rig import Rig


@pytest.fixture(scope="session")
def load_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_load(tmp_path_factory.mktemp("load"))


@pytest.fixture
def rig(broker: object, load_program: Path, tmp_path: Path) -> Iterator[Rig]:
    with ExitStack() as stack:
        made = Rig(tmp_path, broker, load_program, stack)  # type: ignore[arg-type]  # a named broker does as well
        stack.callback(made.forget)
        yield made
