"""The program of the page about events, in Node."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from support.event_streams import reading
from support.gateways import LIMIT, HttpCaller
from support.pages import DOCS
from support.walking import blocks

MAIN = """
import { follow } from "./follow.mjs";
const [url, token, lastId, most] = process.argv.slice(2);
let seen = 0;
await follow(url, () => token, (type, event, id) => {
  console.log(JSON.stringify([type, event.data.title, id]));
  seen += 1;
  return seen < Number(most);
}, lastId);
"""


async def test_the_program_of_the_page_follows_events_and_comes_back_where_it_was(
    user: HttpCaller, tmp_path: Path
) -> None:
    [program] = [block.code for block in blocks(DOCS / "how-to/events.md") if block.language == "js"]
    (tmp_path / "follow.mjs").write_text(program)
    (tmp_path / "main.mjs").write_text(MAIN)
    async with reading(user) as stream:
        await stream.begun()
    for title in ("a", "b"):
        await user.post("/api/v2/tasks/", {"title": title})
    first = await run(user, tmp_path, stream.last_id, most=1)
    await user.post("/api/v2/tasks/", {"title": "c"})
    second = await run(user, tmp_path, first[0][2], most=2)
    assert [[kind, title] for kind, title, _ in (*first, *second)] == [
        ["taskmanager.task.created.v1", title] for title in ("a", "b", "c")
    ]


async def run(user: HttpCaller, folder: Path, last_id: str, *, most: int) -> list[list[str]]:
    """Follow until that many events came, and return them."""
    token = user.headers["Authorization"].removeprefix("Bearer ")
    given = ("main.mjs", f"{user.url}/events", token, last_id, str(most))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", *given, cwd=folder, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 0, err.decode()
    return [msgspec.json.decode(line) for line in out.splitlines()]
