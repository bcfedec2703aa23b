"""Try it: choose an action, fill in a form made from its types, send, and see request and response."""

from __future__ import annotations

import json
import shlex
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from leveret.api import Action
from leveret.client import Client
from leveret.errors import NoAnswer, NotSent, Overloaded, UnknownAction
from leveret.web.console.pages.fields import FormField, data_of_form, fields_of
from leveret.web.console.pages.page import allowed, problem, render, site_of
from leveret.web.console.site import Site
from leveret.wire.codec import refusal
from leveret.wire.ids import new_id
from leveret.wire.masking import without_secrets

_TIMEOUT: Final = 10.0
_LARGEST: Final = 60_000
"""Characters of a response that are shown: no page is larger than 100 KB."""


class TriedRequest(Struct, frozen=True, kw_only=True):
    """What came of a request.

    Attributes:
        id: the request's id.
        request: the request as it was sent, without secrets.
        response: the response as text; empty if none came.
        status: ``ok``, ``error``, or ``none``.
        trouble: why no response came.
        seconds: how long it took.
        command: how to send the same by the command.
        program: how to send the same by Python.
    """

    id: str
    request: dict[str, Any]
    response: str = ""
    status: str = "none"
    trouble: str = ""
    seconds: float = 0.0
    command: str = ""
    program: str = ""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show the form of the action that the address names."""
    return _page(request, request.query_params.get("action", ""), {}, None)


@allowed("operator")
async def send(request: Request) -> Response:
    """Send a request as any caller does, and show its response."""
    site, form = site_of(request), await request.form()
    entered = {name: value for name, value in form.items() if isinstance(value, str)}
    full = entered.get("action", "")
    try:
        action = _find(site, full)
        data = _data(action, entered)
    except UnknownAction as error:
        return problem(request, HTTPStatus.NOT_FOUND, "problem_page.not_there", what=str(error))
    except ValueError as error:
        return _page(request, full, entered, None, wrong=str(error))
    return _page(request, full, entered, await _ask(site, action, data, entered))


def _page(
    request: Request, full: str, entered: dict[str, str], answer: TriedRequest | None, *, wrong: str = ""
) -> Response:
    site = site_of(request)
    actions = sorted(site.app, key=lambda each: (each.name, each.version))
    chosen = next((each for each in actions if each.full_name == full), None)
    values = {name: value for name, value in entered.items() if not _is_secret(chosen, name)}
    return render(
        request,
        "try.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        actions=actions,
        chosen=chosen,
        fields=fields_of(chosen) if chosen else [],
        entered=values,
        answer=answer,
        wrong=wrong,
        new_id=entered.get("id") or new_id(),
    )


def _is_secret(action: Action | None, name: str) -> bool:
    """Return whether an entered value is not shown again: a secret, or the token."""
    secrets = action.secrets if action else frozenset()
    return name == "token" or name.removeprefix("field.") in secrets


def _find(site: Site, full: str) -> Action:
    version, _, name = full.partition(".")
    return site.app.find(version, name)


def _data(action: Action, entered: dict[str, str]) -> dict[str, Any]:
    """Read what was entered.

    Raises:
        ValueError: a field cannot be read; the text names it.
    """
    fields = fields_of(action)
    if fields is not None:
        return data_of_form(fields, entered)
    whole: list[FormField] = [FormField(name="data", kind="json", required=True)]
    data = data_of_form(whole, entered).get("data", {})
    if not isinstance(data, dict):
        raise ValueError("data")  # noqa: TRY004 - a person entered it
    return data


async def _ask(site: Site, action: Action, data: dict[str, Any], entered: dict[str, str]) -> TriedRequest:
    one, token = entered.get("id") or new_id(), entered.get("token", "").strip()
    masked = without_secrets(data, action.secrets)
    command, program = copies(site, action, masked, one, has_token=bool(token))
    shown = {"id": one, "version": action.version, "action": action.name, "data": masked}
    status, text, trouble, began = "none", "", "", perf_counter()
    try:
        async with Client(site.settings.amqp_url, topology=site.topology, name=f"{site.app.name} console") as client:
            received = await client.ask(
                action.name, data, version=action.version, token=token or None, id=one, timeout=_TIMEOUT
            )
        status, text = received.reply.status, _shown(received.body, action)
    except Overloaded as error:
        status, text = "error", _shown(refusal(one, error), action)
    except (NoAnswer, NotSent) as error:
        trouble = str(error)
    return TriedRequest(
        id=one,
        request=shown,
        response=text,
        status=status,
        trouble=trouble,
        seconds=perf_counter() - began,
        command=command,
        program=program,
    )


def _shown(body: bytes, action: Action) -> str:
    found = without_secrets(json.loads(body), action.secrets)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    return text if len(text) <= _LARGEST else f"{text[:_LARGEST]}\n..."


def copies(site: Site, action: Action, data: dict[str, Any], one: str, *, has_token: bool) -> tuple[str, str]:
    """Return how to send a request by the command and by Python; where a token was given, both name it as TOKEN."""
    words = ["--version", action.version, "--id", one, "--data", json.dumps(data, ensure_ascii=False)]
    words += ["--token", "TOKEN"] if has_token else []
    command = site.app.shown_command(f"call {shlex.join([action.name, *words])}")
    token = ', token="TOKEN"' if has_token else ""
    program = (
        "from leveret import Client\n\n"
        f"async with Client(URL, {site.topology.prefix!r}) as client:\n"
        f"    result = await client.call({action.name!r}, {data!r}, version={action.version!r}{token})\n"
    )
    return command, program
