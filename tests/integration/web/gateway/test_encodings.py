"""Long answers are compressed for callers that take that, over both forms."""

from __future__ import annotations

from support.gateways import HttpCaller

TASKS = "/api/v2/tasks/"


async def test_a_long_list_is_compressed_and_one_task_with_its_tag_is_not(user: HttpCaller) -> None:
    made = (await user.post(TASKS, {"title": "Write", "description": "x" * 3_000})).json()
    listed = await user.ask("GET", TASKS, Accept_Encoding="gzip")
    assert (listed.headers["Content-Encoding"], listed.json()) == ("gzip", [made])
    assert int(listed.headers["Content-Length"]) < 1_000
    plain = await user.ask("GET", TASKS, Accept_Encoding="identity")
    assert ("Content-Encoding" in plain.headers, plain.json()) == (False, [made])
    assert plain.headers["Vary"] == listed.headers["Vary"]
    one = await user.ask("GET", f"{TASKS}{made['id']}", Accept_Encoding="gzip")
    assert ("Content-Encoding" in one.headers, one.headers["ETag"]) == (False, '"v2.1"')
