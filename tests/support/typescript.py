"""Programs in TypeScript that use the Task Manager's typed client: compiled strictly, and run with Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "taskmanager/clients/typescript"
LIMIT = 60.0


def compiled(program: Path, folder: Path) -> Path:
    """Compile a program and the client, and return the file that Node runs.

    Raises:
        AssertionError: the packages are not installed, or the compiler found an error.
    """
    packages = ROOT / ".run/typescript/node_modules"
    assert packages.is_dir(), "the packages of the client in TypeScript are missing: scripts/ensure-typescript"
    for path in (*CLIENT.glob("*.ts"), CLIENT / "package.json", CLIENT / "tsconfig.json", program):
        shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(packages)
    done = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return folder / f"{program.stem}.js"


async def answer_of(program: Path, *arguments: str) -> Any:
    """Run a compiled program with Node, and return the JSON that it prints."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", program, *arguments, stdout=pipe, stderr=pipe)
    try:
        output, errors = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)
