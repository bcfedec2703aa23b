"""A model of who owns what: users, their tasks and request ids, and the responses that each user must get."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

WRITES = ("create_task", "update_task", "delete_task")
STATUSES = ("todo", "in_progress", "done")
PRIORITIES = ("low", "medium", "high")


@dataclass(frozen=True)
class Operation:
    """One request of one user."""

    id: str
    version: str
    action: str
    data: dict[str, Any]

    @property
    def content(self) -> str:
        """Version, action and data, which a request with the same id must repeat."""
        return json.dumps([self.version, self.action, self.data], sort_keys=True)


@dataclass
class Owner:
    """A user, and everything that belongs to the user.

    Attributes:
        tasks: the tasks by id, as version 2 shows them.
        stored: by request id, the operation that was stored and the bytes of its response.
    """

    user_id: int
    token: str
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    stored: dict[str, tuple[Operation, bytes]] = field(default_factory=dict)

    def check(self, operation: Operation, body: bytes, taken: set[int]) -> None:
        """Compare a response with the one that this user must get, and record what the operation did.

        Args:
            operation: the operation that was sent.
            body: body of the response.
            taken: the ids of all tasks that ever existed.
        """
        reply = json.loads(body)
        assert reply["correlation_id"] == operation.id
        if operation.action in WRITES:
            if operation.id in self.stored:
                known, response = self.stored[operation.id]
                if known.content == operation.content:
                    assert body == response, "a repeated request gets other bytes"
                else:
                    assert reply["code"] == "id_reused"
                    assert reply["data"] is None
                return
            self.stored[operation.id] = operation, body
        getattr(self, f"_check_{operation.action}")(operation, reply, taken)

    def _check_create_task(self, operation: Operation, reply: dict[str, Any], taken: set[int]) -> None:
        task = reply["data"]
        assert task["id"] not in taken, "an id is given twice"
        taken.add(task["id"])
        wanted = {name: operation.data.get(name, usual) for name, usual in _USUAL.items()}
        if operation.version == "v1":
            wanted["priority"] = "medium"
        moments = {name: task[name] for name in ("created_at", "updated_at")}
        self.tasks[task["id"]] = {"id": task["id"], "owner_id": self.user_id, **wanted, **moments, "version": 1}
        assert task == self._shown(task["id"], operation.version)

    def _check_get_task(self, operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        if self._is_mine(operation, reply):
            assert reply["data"] == self._shown(operation.data["task_id"], operation.version)

    def _check_update_task(self, operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        if self._is_mine(operation, reply):
            mine = self.tasks[operation.data["task_id"]]
            known = _USUAL if operation.version == "v2" else _USUAL.keys() - {"priority"}
            changes = {name: value for name, value in operation.data.items() if name in known}
            mine |= changes
            mine["version"] += bool(changes)
            mine["updated_at"] = reply["data"]["updated_at"]
            assert reply["data"] == self._shown(mine["id"], operation.version)

    def _check_delete_task(self, operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        if self._is_mine(operation, reply):
            del self.tasks[operation.data["task_id"]]
            assert reply["data"] == {"task_id": operation.data["task_id"], "deleted": True}

    def _check_list_tasks(self, operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        asked = operation.data
        ids = [task_id for task_id in sorted(self.tasks, reverse=True) if task_id < asked.get("before_id", 2**63)]
        for name in ("status", "priority") if operation.version == "v2" else ():
            if f"{name}_filter" in asked:
                ids = [task_id for task_id in ids if self.tasks[task_id][name] == asked[f"{name}_filter"]]
        page = ids[asked["offset"] : asked["offset"] + asked["limit"]]
        assert reply["data"] == [self._shown(task_id, operation.version) for task_id in page]

    def _check_stats(self, _operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        mine = list(self.tasks.values())
        assert reply["data"] == {
            "users": None,
            "tasks": len(mine),
            "tasks_by_status": {name: sum(task["status"] == name for task in mine) for name in STATUSES},
            "tasks_by_priority": {name: sum(task["priority"] == name for task in mine) for name in PRIORITIES},
        }

    def _check_health_check(self, _operation: Operation, reply: dict[str, Any], _taken: set[int]) -> None:
        assert reply["data"] == {"status": "ok"}

    def _is_mine(self, operation: Operation, reply: dict[str, Any]) -> bool:
        if operation.data["task_id"] in self.tasks:
            assert reply["status"] == "ok"
            return True
        error = {"status": "error", "data": None, "error": "Task not found", "code": "not_found"}
        assert reply == {"correlation_id": operation.id, **error}
        return False

    def _shown(self, task_id: int, version: str) -> dict[str, Any]:
        task = self.tasks[task_id]
        hidden = () if version == "v2" else ("priority", "version")
        return {name: value for name, value in task.items() if name not in hidden}


_USUAL: dict[str, Any] = {
    "title": None,
    "description": None,
    "status": "todo",
    "priority": "medium",
    "due_date": None,
}


class OperationMaker:
    """Makes random operations of users, on their own tasks and, above all, on those of others.

    Args:
        random: source of all choices.
        owners: all users.
    """

    def __init__(self, random: Random, owners: list[Owner]) -> None:
        self._random = random
        self._owners = owners
        self._made = 0

    def operation(self, me: Owner) -> Operation:
        """Make one operation of a user."""
        pick = self._random.random()
        if pick < 0.15 and (again := self._known_request(me)):
            return again
        if pick < 0.35 and (taken := self._known_request(self._other(me))):
            return taken  # another user's id, with the content that this user sent
        request_id = self._request_id(me)
        version = self._random.choice(("v1", "v2"))
        action = self._random.choice((*WRITES, *WRITES, "get_task", "get_task", "list_tasks", "stats", "health_check"))
        data = self._data(me, action)
        return Operation(request_id, "v2" if action == "stats" else version, action, data)

    def _request_id(self, me: Owner) -> str:
        pick = self._random.random()
        known = self._known_request(self._other(me) if pick < 0.2 else me) if pick < 0.25 else None
        self._made += 1
        return known.id if known else f"r{self._made}"

    def _other(self, me: Owner) -> Owner:
        return self._random.choice([owner for owner in self._owners if owner is not me])

    def _known_request(self, owner: Owner) -> Operation | None:
        return self._random.choice(list(owner.stored.values()))[0] if owner.stored else None

    def _task_id(self, me: Owner) -> int:
        owner = self._other(me) if self._random.random() < 0.6 else me
        return self._random.choice(list(owner.tasks) or [self._random.randint(1, 2**63 - 1)])

    def _data(self, me: Owner, action: str) -> dict[str, Any]:
        other = self._other(me)
        posing = {
            "owner_id": other.user_id,
            "user_id": other.user_id,
            "principal": str(other.user_id),
            "is_admin": True,
        }
        data: dict[str, Any] = dict(self._random.sample(list(posing.items()), self._random.choice((0, 0, 0, 1, 2))))
        if action == "create_task":
            data |= {"title": f"{me.user_id} keeps {self._made}", "description": f"of {me.user_id}"} | self._kind()
        elif action == "update_task":
            data |= {"task_id": self._task_id(me), "title": f"{me.user_id} was here {self._made}"} | self._kind()
        elif action in ("get_task", "delete_task"):
            data["task_id"] = self._task_id(me)
        elif action == "list_tasks":
            data |= {"limit": self._random.choice((1, 20, 100)), "offset": self._random.choice((0, 0, 3))}
            if self._random.random() < 0.5:
                data["before_id"] = self._task_id(me)
            data |= {f"{name}_filter": value for name, value in self._kind().items()}
        return data

    def _kind(self) -> dict[str, str]:
        kind = {"status": self._random.choice(STATUSES)} if self._random.random() < 0.3 else {}
        return kind | ({"priority": self._random.choice(PRIORITIES)} if self._random.random() < 0.3 else {})
