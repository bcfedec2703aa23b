"""The routes of the system's first form, over both of its present forms."""

from support.gateways import HttpCaller


async def test_a_task_is_made_read_changed_listed_and_removed(caller: HttpCaller) -> None:
    user = await caller.as_new_user()
    made = await user.post("/api/v1/tasks/", {"title": "Write"})
    assert made.status_code == 201
    task = made.json()
    path = f"/api/v1/tasks/{task['id']}"
    assert (await user.ask("GET", path)).json() == task
    changed = await user.ask("PUT", path, {"status": "done"})
    assert (changed.status_code, changed.json()["status"], changed.json()["title"]) == (200, "done", "Write")
    assert [each["id"] for each in (await user.ask("GET", "/api/v1/tasks/?limit=20&offset=0")).json()] == [task["id"]]
    removed = await user.ask("DELETE", path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert (await user.ask("GET", path)).status_code == 404


async def test_version_2_has_priorities_filters_and_fields(user: HttpCaller) -> None:
    for priority in ("low", "high"):
        await user.post("/api/v2/tasks/", {"title": priority, "priority": priority})
    found = await user.ask("GET", "/api/v2/tasks/?priority_filter=high&status_filter=todo")
    assert [each["title"] for each in found.json()] == ["high"]
    fields = await user.ask("GET", "/api/v2/tasks/fields?include=title,priority")
    assert fields.json() == [{"title": name, "priority": name} for name in ("high", "low")]
    assert (await user.ask("GET", "/api/v2/tasks/fields?include=title&include=status")).json()[0].keys() == {
        "title",
        "status",
    }
    stats = (await user.ask("GET", "/api/v2/internal/stats")).json()
    assert (stats["tasks"], stats["users"]) == (2, None)


async def test_a_known_email_and_a_wrong_password_are_refused_with_their_words(caller: HttpCaller) -> None:
    account = {"email": "ada@example.org", "password": "correct horse 1", "full_name": "Ada"}
    first = await caller.post("/api/v1/auth/register", account)
    assert (first.status_code, first.json()["full_name"]) == (201, "Ada")
    again = await caller.post("/api/v1/auth/register", account)
    assert (again.status_code, again.json()["detail"]) == (409, "User already exists")
    wrong = await caller.post("/api/v1/auth/login", {**account, "password": "wrong horse 1"})
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "Incorrect email or password")
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


async def test_somebody_elses_task_is_not_found(user: HttpCaller) -> None:
    task = (await user.post("/api/v1/tasks/", {"title": "Mine"})).json()
    other = user.as_known_user()
    for method, data in (("GET", None), ("PUT", {"title": "Yours"}), ("DELETE", None)):
        refused = await other.ask(method, f"/api/v1/tasks/{task['id']}", data)
        assert (refused.status_code, refused.json()["detail"]) == (404, "Task not found")


async def test_the_same_key_has_one_effect_and_the_same_answer(user: HttpCaller) -> None:
    first = await user.post("/api/v2/tasks/", {"title": "Once"}, Idempotency_Key='"a key"')
    again = await user.post("/api/v2/tasks/", {"title": "Once"}, Idempotency_Key="a key")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Request-Id"] == "a key"
    assert len((await user.ask("GET", "/api/v2/tasks/")).json()) == 1
    other = await user.post("/api/v2/tasks/", {"title": "Twice"}, Idempotency_Key="a key")
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")


async def test_head_is_get_without_the_body_and_options_names_the_methods(user: HttpCaller) -> None:
    got, head = [await user.ask(method, "/api/v1/tasks/") for method in ("GET", "HEAD")]
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(got.content)))
    options = await user.ask("OPTIONS", "/api/v1/tasks/")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, POST, OPTIONS")
