"""Users and permissions through RabbitMQ's management HTTP API (its page "HTTP API reference").

It uses the standard library's plain client, which follows no redirection and asks no proxy. So a password goes to the
address that was given and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from leveret.broker.users import Permissions
from leveret.errors import LeveretError
from leveret.process.urls import shown_host, split_url

_PORTS: Final = {"http": 15672, "https": 15671}
_LIMIT: Final = 10.0
"""Seconds that each step may take."""


class ManagementTrouble(LeveretError):
    """The management API does not answer, or it refuses; the text says what to do, and shows no password."""


class Administrator(Struct, frozen=True):
    """An administrator's name and password at the broker. Its text hides the password."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Administrator({self.user!r})"


class Policy(Struct, frozen=True, kw_only=True):
    """A policy of the broker (RabbitMQ, "Policies").

    Attributes:
        name: its name.
        pattern: regular expression for the names that it applies to.
        applies_to: ``all``, ``queues``, ``quorum_queues``, ``exchanges`` and so on.
        priority: of several that match, the one with the highest priority applies.
        definition: its keys and values.
        operator: it is the operator's, which applies beside the other one.
    """

    name: str
    pattern: str
    applies_to: str
    priority: int
    definition: dict[str, Any]
    operator: bool


class ManagementAddress(Struct, frozen=True):
    """Where the management API is, and the login that the address holds. Its text hides the password.

    Attributes:
        tls: https; the certificate is always checked.
        host: name or number.
        port: 15672 by default, 15671 with https.
        path: what stands before ``/api``, if the broker has a path prefix.
        user: from the address, or None.
        password: from the address, or None.
    """

    tls: bool
    host: str
    port: int
    path: str
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> ManagementAddress:
        """Read ``http://user:password@host:port/`` or ``https://...``.

        Raises:
            ValueError: the text is not such an address; the error does not show it.
        """
        parts = split_url(url, *_PORTS)
        if not parts.host or parts.query:
            raise ValueError("expected http://user:password@host:15672/ or https://...")
        path = parts.path.rstrip("/").removesuffix("/api")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme == "https", parts.host, port, path, parts.user or None, parts.password or None)

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{shown_host(self.host, self.port)}{self.path}/"

    __repr__ = __str__


class Management:
    """The management API, asked as an administrator.

    Args:
        address: where it is.
        administrator: who asks; the name in the address is not used.

    Raises:
        ManagementTrouble: the name or the password cannot be written as UTF-8.
    """

    def __init__(self, address: ManagementAddress, administrator: Administrator) -> None:
        self._address = address
        try:
            words = base64.b64encode(f"{administrator.user}:{administrator.password}".encode()).decode()
        except UnicodeError:  # its cause holds the password
            raise ManagementTrouble("the administrator's name or password is not UTF-8 text") from None
        self._headers = {"Authorization": f"Basic {words}", "Content-Type": "application/json"}

    def user_tags(self, name: str) -> tuple[str, ...] | None:
        """Return the tags of a user, such as ``administrator``; None if there is no such user.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        found = self._ask("GET", f"/users/{_part(name)}")
        if found is None:
            return None
        tags = found.get("tags", "")
        return tuple(tags.split(",") if isinstance(tags, str) and tags else tags or ())  # a text before 3.10

    def set_password(self, name: str, password: str) -> None:
        """Make a user without tags, or set its password.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        self._ask("PUT", f"/users/{_part(name)}", {"password": password, "tags": ""})

    def permit(self, name: str, vhost: str, permissions: Permissions) -> None:
        """Set what a user may do in a vhost; it may do nothing else there.

        Raises:
            ManagementTrouble: there is no answer, no such user or vhost, or it is a refusal.
        """
        wanted = {"configure": permissions.configure, "write": permissions.write, "read": permissions.read}
        path = f"/permissions/{_part(vhost)}/{_part(name)}"
        self._ask("PUT", path, wanted)
        if (found := self._ask("GET", path)) is None or {key: found.get(key) for key in wanted} != wanted:
            raise ManagementTrouble(f"{self._address} did not keep the permissions of {name!r} in vhost {vhost!r}")

    def remove_user(self, name: str) -> None:
        """Delete a user with its permissions; it is not an error if there is no such user.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        self._ask("DELETE", f"/users/{_part(name)}")

    def policies(self, vhost: str) -> list[Policy]:
        """Return all policies of a vhost, the operator's ones too.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        found: list[Policy] = []
        for operator, kind in ((False, "policies"), (True, "operator-policies")):
            _, answer = self._answer("GET", f"/{kind}/{_part(vhost)}")
            found += [_policy(each, operator=operator) for each in _list(answer)]
        return found

    def features(self) -> dict[str, bool]:
        """Return the broker's feature flags, and whether each is enabled.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        _, answer = self._answer("GET", "/feature-flags")
        return {str(each.get("name")): each.get("state") == "enabled" for each in _list(answer)}

    def is_bound(self, vhost: str, exchange: str, queue: str, routing_key: str) -> bool:
        """Return whether an exchange routes messages with that key to the queue.

        Raises:
            ManagementTrouble: there is no answer, or it is a refusal.
        """
        path = f"/bindings/{_part(vhost)}/e/{_part(exchange)}/q/{_part(queue)}"
        status, answer = self._answer("GET", path)
        if status == http.HTTPStatus.NOT_FOUND:
            return False
        return any(each.get("routing_key") == routing_key for each in _list(answer))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Ask, and return the JSON object of the answer: empty if the answer has none, None for status 404."""
        status, answer = self._answer(method, path, body)
        return None if status == http.HTTPStatus.NOT_FOUND else _object(answer)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Ask, and return the status of the answer, which is that of a success or 404, and its body."""
        connection = self._connection()
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"{self._address.path}/api{path}", text, self._headers)
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a host that is no name
            why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ManagementTrouble(
                f"no answer from {self._address}: {why}. Is the management plugin enabled, and is the port right?"
            ) from error
        finally:
            connection.close()
        missing = status == http.HTTPStatus.NOT_FOUND and method != "PUT"
        if not (missing or http.HTTPStatus(200) <= status < http.HTTPStatus(300)):
            raise ManagementTrouble(f"{self._address} refused {method} {path}: {_reason(status, answer)}")
        return status, answer

    def _connection(self) -> http.client.HTTPConnection:
        address = self._address
        if address.tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(address.host, address.port, timeout=_LIMIT, context=context)
        return http.client.HTTPConnection(address.host, address.port, timeout=_LIMIT)


def _part(name: str) -> str:
    try:
        return quote(name, safe="")
    except UnicodeError as error:
        raise ManagementTrouble(f"the name {name!r} is not UTF-8 text: choose another one") from error


def _object(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ManagementTrouble("the answer is not one of RabbitMQ's management API: is this its address?")
    return found


def _list(answer: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ManagementTrouble("the answer is not one of RabbitMQ's management API: is this its address?")
    return [each for each in found if isinstance(each, dict)]


def _policy(found: dict[str, Any], *, operator: bool) -> Policy:
    definition = found.get("definition")
    return Policy(
        name=str(found.get("name")),
        pattern=str(found.get("pattern")),
        applies_to=str(found.get("apply-to", "all")),
        priority=int(found.get("priority") or 0),
        definition=definition if isinstance(definition, dict) else {},
        operator=operator,
    )


def _reason(status: int, answer: bytes) -> str:
    if status == http.HTTPStatus.UNAUTHORIZED:
        return "the user or the password is wrong, or the user is no administrator"
    if http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
        return f"it answers from another address (status {status}): give that one"
    try:
        return str(_object(answer).get("reason") or f"status {status}")
    except ManagementTrouble:
        return f"status {status}: is this the address of RabbitMQ's management API?"
